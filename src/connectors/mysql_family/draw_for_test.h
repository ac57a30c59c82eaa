// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <random>
#include <string>
#include <string_view>

// For tests: random values of a column, and what they are in canonical cells, by formatters that
// share nothing with the decoders.
namespace godwit::mysql {

inline constexpr uint64_t kAllBits = ~uint64_t{0};

class Draw {
 public:
  explicit Draw(uint64_t seed) : random_(seed) {}

  uint64_t Bits() { return random_(); }
  uint64_t Below(uint64_t limit) { return random_() % limit; }
  bool Flip() { return Below(2) == 0; }
  // The two ends come more often than chance would have them.
  uint64_t UpTo(uint64_t most) {
    if (Below(4) == 0) return Flip() ? 0 : most;
    return most == kAllBits ? Bits() : Below(most + 1);
  }
  std::string Bytes(size_t count) {
    std::string out(count, '\0');
    for (char& c : out) c = static_cast<char>(Below(256));
    return out;
  }

 private:
  std::mt19937_64 random_;
};

inline std::string Little(uint64_t value, size_t bytes) {
  std::string out;
  for (size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
  return out;
}

inline std::string Big(uint64_t value, size_t bytes) {
  std::string out = Little(value, bytes);
  std::reverse(out.begin(), out.end());
  return out;
}

// The number whose two's complement in so many bits this is.
inline std::string SignedText(uint64_t raw, int bits) {
  const uint64_t half = uint64_t{1} << (bits - 1);
  return raw < half ? fmt::format("{}", raw) : fmt::format("-{}", half - (raw - half));
}

// Numbers near zero, from both sides, as often as far ones.
inline uint64_t DrawInteger(int bits, Draw& draw) {
  const uint64_t most = kAllBits >> (64 - bits);
  const uint64_t raw = (draw.Bits() & most) >> draw.Below(static_cast<uint64_t>(bits));
  return draw.Flip() ? raw : ~raw & most;
}

// Zeros in front are as likely as digits.
inline std::string DrawDigits(int count, Draw& draw) {
  std::string digits(static_cast<size_t>(count), '0');
  for (size_t i = draw.UpTo(digits.size()); i < digits.size(); ++i) {
    digits[i] = static_cast<char>('0' + draw.Below(10));
  }
  return digits;
}

inline std::string DecimalText(std::string_view whole, std::string_view fraction,
                               bool is_negative) {
  whole.remove_prefix(std::min(whole.find_first_not_of('0'), whole.size()));
  const bool is_zero = whole.empty() && fraction.find_first_not_of('0') == std::string_view::npos;
  return fmt::format("{}{}{}{}", is_negative && !is_zero ? "-" : "", whole.empty() ? "0" : whole,
                     fraction.empty() ? "" : ".", fraction);
}

struct Parts {
  uint64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, micros = 0;
};

// The least fraction of a second, in microseconds.
inline uint64_t Unit(int fsp) {
  constexpr std::array<uint64_t, 7> kUnits = {1000000, 100000, 10000, 1000, 100, 10, 1};
  return kUnits[static_cast<size_t>(fsp)];
}

// Months and days of zero, and days that a month does not have, are there under some sql_mode.
inline Parts DrawParts(Draw& draw, uint64_t most_hours, int fsp) {
  Parts p{draw.UpTo(9999), draw.UpTo(12), draw.UpTo(31), draw.UpTo(most_hours)};
  p.minute = draw.UpTo(59);
  p.second = draw.UpTo(59);
  p.micros = draw.UpTo(1000000 / Unit(fsp) - 1) * Unit(fsp);
  return p;
}

inline std::string DateText(const Parts& p) {
  return fmt::format("{:04}-{:02}-{:02}", p.year, p.month, p.day);
}
inline std::string FractionText(uint64_t micros, int fsp) {
  return fsp == 0 ? "" : fmt::format(".{:0{}}", micros / Unit(fsp), fsp);
}
inline std::string ClockText(const Parts& p, int fsp) {
  return fmt::format("{:02}:{:02}:{:02}{}", p.hour, p.minute, p.second,
                     FractionText(p.micros, fsp));
}

inline uint64_t ClockBits(const Parts& p) { return (p.hour << 12) | (p.minute << 6) | p.second; }

inline std::string InstantText(uint64_t seconds) {
  if (seconds == 0) return "0000-00-00 00:00:00";
  const time_t moment = static_cast<time_t>(seconds);
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%F %T", std::gmtime(&moment));
  return std::string(text.data(), size);
}

}  // namespace godwit::mysql
