// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/json_binary.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/byte_reader.h"
#include "base/error.h"
#include "connectors/mysql_family/binlog_cells.h"

namespace godwit::mysql {
namespace {

enum class JsonType : uint8_t {
  kSmallObject = 0,
  kLargeObject = 1,
  kSmallArray = 2,
  kLargeArray = 3,
  kLiteral = 4,
  kInt16 = 5,
  kUint16 = 6,
  kInt32 = 7,
  kUint32 = 8,
  kInt64 = 9,
  kUint64 = 10,
  kDouble = 11,
  kString = 12,
  kOpaque = 15,
};

// The server refuses documents nested deeper than 100.
constexpr int kMaxDepth = 101;

[[noreturn]] void Corrupt(std::string_view what) {
  throw Error({.code = "CORRUPT_BYTES",
               .kind = ErrorKind::kBlocked,
               .side = Side::kSource,
               .message = fmt::format("a binary JSON value has {}", what),
               .cause = "the binary log is damaged, or in a form Godwit does not know",
               .remedy = "report it with the server's version"});
}

void AppendQuoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<uint8_t>(c) < 0x20) {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<int>(c));
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

template <typename T>
void AppendNumber(std::string& out, T value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
}

// The server's form (my_gcvt): plain digits while the exponent is in −15…15 or so, else "1e100",
// and ".0" behind a whole number so that it stays a double.
void AppendJsonDouble(std::string& out, double value) {
  char buffer[400];
  const double size = std::fabs(value);
  const bool is_plain = size == 0 || (size >= 1e-14 && size < 1e15);
  auto end = std::to_chars(buffer, buffer + sizeof(buffer), value,
                           is_plain ? std::chars_format::fixed : std::chars_format::scientific)
                 .ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  if (is_plain) {
    out += text;
    if (text.find('.') == std::string_view::npos) out += ".0";
    return;
  }
  size_t e = text.find('e');
  out += text.substr(0, e + 1);
  text.remove_prefix(e + 1);
  if (text.starts_with('-')) out.push_back('-');
  text.remove_prefix(1);
  while (text.size() > 1 && text[0] == '0') text.remove_prefix(1);
  out += text;
}

// As the server prints it: lines of 76 digits, and the ends of lines escaped as in any JSON string.
std::string Base64(std::string_view bytes) {
  constexpr size_t kBytesOfLine = 57;
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    if (i != 0 && i % kBytesOfLine == 0) out += "\\n";
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    }
    for (size_t k = 0; k < 4; ++k) {
      out.push_back(i + k > bytes.size() ? '=' : kDigits[(group >> (18 - 6 * k)) & 63]);
    }
  }
  return out;
}

// A length in groups of seven bits, at most five.
uint64_t ReadLength(ByteReader& in) {
  uint64_t length = in.Varint();
  if (length > 0xffffffffu) Corrupt("an impossible length");
  return length;
}

void AppendOpaque(std::string& out, ByteReader& in) {
  const uint8_t type = in.U8();
  std::string_view bytes = in.Bytes(ReadLength(in));
  ByteReader value(bytes, "a binary JSON value");
  switch (static_cast<WireType>(type)) {
    case WireType::kNewDecimal: {
      int precision = value.U8();
      int scale = value.U8();
      return AppendDecimal(out, value, precision, scale);
    }
    case WireType::kDate:
    case WireType::kNewDate:
      out.push_back('"');
      AppendPackedDate(out, static_cast<int64_t>(value.U64()));
      out.push_back('"');
      return;
    case WireType::kDatetime:
    case WireType::kTimestamp:
      out.push_back('"');
      AppendPackedDatetime(out, static_cast<int64_t>(value.U64()), 6);
      out.push_back('"');
      return;
    case WireType::kTime:
      out.push_back('"');
      AppendPackedTime(out, static_cast<int64_t>(value.U64()), 6);
      out.push_back('"');
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\"base64:type{}:{}\"", type, Base64(bytes));
  }
}

void AppendLiteral(std::string& out, uint8_t literal) {
  switch (literal) {
    case 0:
      out += "null";
      return;
    case 1:
      out += "true";
      return;
    case 2:
      out += "false";
      return;
    default:
      Corrupt("an unknown literal");
  }
}

bool AppendScalar(std::string& out, JsonType type, std::string_view bytes) {
  ByteReader in(bytes, "a binary JSON value");
  switch (type) {
    case JsonType::kLiteral:
      AppendLiteral(out, in.U8());
      return true;
    case JsonType::kInt16:
      AppendNumber(out, static_cast<int16_t>(in.U16()));
      return true;
    case JsonType::kUint16:
      AppendNumber(out, in.U16());
      return true;
    case JsonType::kInt32:
      AppendNumber(out, static_cast<int32_t>(in.U32()));
      return true;
    case JsonType::kUint32:
      AppendNumber(out, in.U32());
      return true;
    case JsonType::kInt64:
      AppendNumber(out, static_cast<int64_t>(in.U64()));
      return true;
    case JsonType::kUint64:
      AppendNumber(out, in.U64());
      return true;
    case JsonType::kDouble: {
      uint64_t bits = in.U64();
      double value;
      std::memcpy(&value, &bits, sizeof(value));
      AppendJsonDouble(out, value);
      return true;
    }
    case JsonType::kString:
      AppendQuoted(out, in.Bytes(ReadLength(in)));
      return true;
    case JsonType::kOpaque:
      AppendOpaque(out, in);
      return true;
    default:
      return false;
  }
}

// An object or array: number of members, size in bytes, then an entry of key offset and length per
// key, an entry of type and offset (or the value itself, where it fits) per value, then the rest.
// Every offset counts from the beginning of this part.
class Container {
 public:
  Container(JsonType type, std::string_view bytes) : bytes_(bytes) {
    is_object_ = type == JsonType::kSmallObject || type == JsonType::kLargeObject;
    if (!is_object_ && type != JsonType::kSmallArray && type != JsonType::kLargeArray) {
      Corrupt("an unknown type");
    }
    offset_size_ = type == JsonType::kLargeObject || type == JsonType::kLargeArray ? 4 : 2;
    ByteReader in(bytes, "a binary JSON value");
    count_ = in.UInt(offset_size_);
    uint64_t size = in.UInt(offset_size_);
    if (size > bytes.size()) Corrupt("members beyond its end");
    bytes_ = bytes.substr(0, size);
    values_at_ = 2 * offset_size_ + (is_object_ ? count_ * (offset_size_ + 2) : 0);
    if (values_at_ + count_ * (offset_size_ + 1) > bytes_.size()) {
      Corrupt("members beyond its end");
    }
  }

  bool is_object() const { return is_object_; }
  uint64_t count() const { return count_; }
  std::string_view key(uint64_t i) const {
    ByteReader in = At(2 * offset_size_ + i * (offset_size_ + 2));
    uint64_t offset = in.UInt(offset_size_);
    uint64_t length = in.U16();
    return At(offset).Bytes(length);
  }
  JsonType type(uint64_t i) const {
    return static_cast<JsonType>(At(values_at_ + i * (offset_size_ + 1)).U8());
  }
  std::string_view value(uint64_t i) const {
    ByteReader in = At(values_at_ + i * (offset_size_ + 1));
    JsonType t = static_cast<JsonType>(in.U8());
    bool is_inline = t == JsonType::kLiteral || t == JsonType::kInt16 || t == JsonType::kUint16 ||
                     (offset_size_ == 4 && (t == JsonType::kInt32 || t == JsonType::kUint32));
    if (is_inline) return in.Bytes(offset_size_);
    uint64_t offset = in.UInt(offset_size_);
    // A member lies behind the table that names it: this also keeps damaged bytes from nesting
    // within themselves.
    if (offset < values_at_) Corrupt("a member before its beginning");
    return At(offset).Rest();
  }

 private:
  ByteReader At(uint64_t offset) const {
    if (offset > bytes_.size()) Corrupt("an offset beyond its end");
    return ByteReader(bytes_.substr(offset), "a binary JSON value");
  }

  std::string_view bytes_;
  bool is_object_ = false;
  size_t offset_size_ = 2;
  uint64_t count_ = 0;
  uint64_t values_at_ = 0;
};

// Damaged offsets can name the same part again and again: what the parts of a document add up to is
// held against its size. No text is longer than six times its binary form ("\u0001"), by and large.
class Walk {
 public:
  explicit Walk(size_t bytes) : left_(16 * bytes + 64) {}

  void Spend(size_t text) {
    if (text >= left_) Corrupt("more members than bytes");
    left_ -= text + 1;
  }
  void Enter() {
    if (++depth_ > kMaxDepth) Corrupt("too deep a nesting");
  }
  void Leave() { --depth_; }

 private:
  size_t left_;
  int depth_ = 0;
};

void AppendValue(std::string& out, JsonType type, std::string_view bytes, Walk& walk) {
  const size_t from = out.size();
  if (AppendScalar(out, type, bytes)) return walk.Spend(out.size() - from);
  walk.Spend(0);
  walk.Enter();
  Container container(type, bytes);
  out.push_back(container.is_object() ? '{' : '[');
  for (uint64_t i = 0; i < container.count(); ++i) {
    if (i != 0) out += ", ";
    if (container.is_object()) {
      const std::string_view key = container.key(i);
      walk.Spend(key.size());
      AppendQuoted(out, key);
      out += ": ";
    }
    AppendValue(out, container.type(i), container.value(i), walk);
  }
  out.push_back(container.is_object() ? '}' : ']');
  walk.Leave();
}

}  // namespace

void AppendJsonText(std::string& out, std::string_view binary) {
  if (binary.empty()) {  // what a NOT NULL column got from an INSERT IGNORE without a value
    out += "null";
    return;
  }
  Walk walk(binary.size());
  AppendValue(out, static_cast<JsonType>(binary[0]), binary.substr(1), walk);
}

namespace {

// A document taken apart so that it can be changed. Scalars are kept as their text.
struct Node {
  enum class Kind { kScalar, kArray, kObject };
  Kind kind = Kind::kScalar;
  std::string text;
  std::vector<Node> elements;
  std::vector<std::string> keys;  // of an object, beside its elements, in the server's order
};

Node ToNode(JsonType type, std::string_view bytes, Walk& walk) {
  Node node;
  const bool is_scalar = AppendScalar(node.text, type, bytes);
  walk.Spend(node.text.size());
  if (is_scalar) return node;
  walk.Enter();
  Container container(type, bytes);
  node.kind = container.is_object() ? Node::Kind::kObject : Node::Kind::kArray;
  for (uint64_t i = 0; i < container.count(); ++i) {
    if (container.is_object()) {
      walk.Spend(node.keys.emplace_back(container.key(i)).size());
    }
    node.elements.push_back(ToNode(container.type(i), container.value(i), walk));
  }
  walk.Leave();
  return node;
}

Node ToNode(std::string_view binary) {
  if (binary.empty()) return Node{.text = "null"};
  Walk walk(binary.size());
  return ToNode(static_cast<JsonType>(binary[0]), binary.substr(1), walk);
}

void AppendNode(std::string& out, const Node& node) {
  if (node.kind == Node::Kind::kScalar) {
    out += node.text;
    return;
  }
  const bool is_object = node.kind == Node::Kind::kObject;
  out.push_back(is_object ? '{' : '[');
  for (size_t i = 0; i < node.elements.size(); ++i) {
    if (i != 0) out += ", ";
    if (is_object) {
      AppendQuoted(out, node.keys[i]);
      out += ": ";
    }
    AppendNode(out, node.elements[i]);
  }
  out.push_back(is_object ? '}' : ']');
}

struct Leg {
  bool is_index = false;
  uint64_t index = 0;
  std::string key;
};

[[noreturn]] void Misfit(std::string_view path) {
  throw Error({.code = "JSON_DIFF_MISFIT",
               .kind = ErrorKind::kBlocked,
               .side = Side::kSource,
               .message = fmt::format("a partial JSON update names {}, which is not there",
                                      path.substr(0, 200)),
               .cause = "the image of the row before the update does not hold the document",
               .remedy = "set binlog_row_image=FULL or empty binlog_row_value_options; release the "
                         "project, empty its tables at the destination, and migrate again"});
}

void AppendUtf8(std::string& out, uint32_t c) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xc0 | c >> 6));
    out.push_back(static_cast<char>(0x80 | (c & 63)));
  } else {
    out.push_back(static_cast<char>(0xe0 | c >> 12));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 63)));
    out.push_back(static_cast<char>(0x80 | (c & 63)));
  }
}

// The text between the quotes of a JSON string; the reader stands behind the first.
std::string ReadQuotedKey(ByteReader& in, std::string_view path) {
  std::string key;
  for (;;) {
    char c = static_cast<char>(in.U8());
    if (c == '"') return key;
    if (c != '\\') {
      key.push_back(c);
      continue;
    }
    constexpr std::string_view kEscapes = "bfnrt";
    constexpr std::string_view kMeanings = "\b\f\n\r\t";
    c = static_cast<char>(in.U8());
    if (c == 'u') {
      std::string_view hex = in.Bytes(4);
      uint32_t code = 0;
      auto [end, error] = std::from_chars(hex.data(), hex.data() + 4, code, 16);
      if (error != std::errc() || end != hex.data() + 4) Misfit(path);
      AppendUtf8(key, code);
    } else if (size_t at = kEscapes.find(c); at != std::string_view::npos) {
      key.push_back(kMeanings[at]);
    } else {
      key.push_back(c);
    }
  }
}

// "$[3].name.\"odd key\"": the log writes no wildcards.
std::vector<Leg> ParsePath(std::string_view path) {
  ByteReader in(path, "a JSON path");
  if (path.starts_with('$')) in.Skip(1);
  std::vector<Leg> legs;
  while (!in.empty()) {
    char c = static_cast<char>(in.U8());
    std::string_view rest = path.substr(in.position());
    Leg leg;
    if (c == '[') {
      leg.is_index = true;
      auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), leg.index);
      if (error != std::errc()) Misfit(path);
      in.Skip(static_cast<size_t>(end - rest.data()));
      if (in.U8() != ']') Misfit(path);
    } else if (c == '.' && rest.starts_with('"')) {
      in.Skip(1);
      leg.key = ReadQuotedKey(in, path);
    } else if (c == '.') {
      leg.key = in.Bytes(std::min(rest.find_first_of(".["), rest.size()));
    } else {
      Misfit(path);
    }
    legs.push_back(std::move(leg));
  }
  return legs;
}

// Where a leg leads in its parent, elements.size() if nowhere.
size_t Locate(const Node& parent, const Leg& leg) {
  if (leg.is_index) {
    // A path may treat a scalar as an array of itself; the log never needs that.
    if (parent.kind != Node::Kind::kArray) return parent.elements.size();
    return std::min<uint64_t>(leg.index, parent.elements.size());
  }
  for (size_t i = 0; i < parent.keys.size(); ++i) {
    if (parent.keys[i] == leg.key) return i;
  }
  return parent.elements.size();
}

void Insert(Node& parent, const Leg& leg, size_t at, Node value, std::string_view path) {
  if (leg.is_index) {
    if (parent.kind != Node::Kind::kArray) Misfit(path);
    parent.elements.insert(parent.elements.begin() + static_cast<ptrdiff_t>(at), std::move(value));
    return;
  }
  if (parent.kind != Node::Kind::kObject || at != parent.elements.size()) Misfit(path);
  // Keys are ordered by length, then by bytes.
  size_t to = 0;
  while (to < parent.keys.size() &&
         (parent.keys[to].size() < leg.key.size() ||
          (parent.keys[to].size() == leg.key.size() && parent.keys[to] < leg.key))) {
    ++to;
  }
  parent.keys.insert(parent.keys.begin() + static_cast<ptrdiff_t>(to), leg.key);
  parent.elements.insert(parent.elements.begin() + static_cast<ptrdiff_t>(to), std::move(value));
}

int DepthOf(const Node& node) {
  int depth = 0;
  for (const Node& element : node.elements) depth = std::max(depth, DepthOf(element));
  return depth + (node.kind == Node::Kind::kScalar ? 0 : 1);
}

enum class DiffOp : uint8_t { kReplace = 0, kInsert = 1, kRemove = 2 };

void Apply(Node& root, DiffOp op, std::string_view path, Node value) {
  std::vector<Leg> legs = ParsePath(path);
  if (legs.size() + static_cast<size_t>(DepthOf(value)) > kMaxDepth) Corrupt("too deep a nesting");
  if (legs.empty()) {
    if (op != DiffOp::kReplace) Misfit(path);
    root = std::move(value);
    return;
  }
  Node* parent = &root;
  for (size_t i = 0; i + 1 < legs.size(); ++i) {
    size_t at = Locate(*parent, legs[i]);
    if (at == parent->elements.size()) Misfit(path);
    parent = &parent->elements[at];
  }
  const Leg& last = legs.back();
  size_t at = Locate(*parent, last);
  if (op == DiffOp::kInsert) return Insert(*parent, last, at, std::move(value), path);
  if (at == parent->elements.size()) Misfit(path);
  if (op == DiffOp::kReplace) {
    parent->elements[at] = std::move(value);
    return;
  }
  parent->elements.erase(parent->elements.begin() + static_cast<ptrdiff_t>(at));
  if (parent->kind == Node::Kind::kObject) {
    parent->keys.erase(parent->keys.begin() + static_cast<ptrdiff_t>(at));
  }
}

// The protocol's length-encoded integer.
uint64_t ReadPackedLength(ByteReader& in) {
  uint8_t first = in.U8();
  if (first < 251) return first;
  if (first == 252) return in.U16();
  if (first == 253) return in.UInt(3);
  if (first == 254) return in.U64();
  Corrupt("an impossible length");
}

}  // namespace

void AppendPatchedJsonText(std::string& out, std::string_view before,
                           std::string_view differences) {
  Node root = ToNode(before);
  ByteReader in(differences, "the differences of a JSON value");
  while (!in.empty()) {
    DiffOp op = static_cast<DiffOp>(in.U8());
    if (op > DiffOp::kRemove) Corrupt("an unknown difference");
    std::string_view path = in.Bytes(ReadPackedLength(in));
    Node value;
    if (op != DiffOp::kRemove) value = ToNode(in.Bytes(ReadPackedLength(in)));
    Apply(root, op, path, std::move(value));
  }
  AppendNode(out, root);
}

}  // namespace godwit::mysql
