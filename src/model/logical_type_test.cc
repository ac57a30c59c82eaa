// SPDX-License-Identifier: Apache-2.0
#include "model/logical_type.h"

#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <random>

#include "model/json_normal_form.h"

namespace godwit {
namespace {

std::string Json(std::string_view text) { return JsonNormalForm(text).value_or("not JSON"); }

TEST(JsonNormalForm, SortsKeysAndDropsBlanks) {
  EXPECT_EQ(Json(R"( { "b" : [ 1 , true , null ] , "a" : { } , "aa" : "x y" } )"),
            R"({"a":{},"aa":"x y","b":[1,true,null]})");
  EXPECT_EQ(Json(R"({"a":1,"b":2,"a":3})"), R"({"a":3,"b":2})");
  EXPECT_EQ(Json("[]"), "[]");
}

TEST(JsonNormalForm, KeepsTheKindsOfNumbersAndEveryDigit) {
  EXPECT_EQ(Json("1"), "1");
  EXPECT_EQ(Json("1.0"), "1.0");
  EXPECT_EQ(Json("1e0"), "1.0");
  EXPECT_EQ(Json("10.50"), "10.5");
  EXPECT_EQ(Json("-0.0"), "-0.0");
  EXPECT_EQ(Json("-0"), "0");
  EXPECT_EQ(Json("0.00125"), "0.00125");
  EXPECT_EQ(Json("1.25E-3"), "0.00125");
  EXPECT_EQ(Json("1E+2"), "100.0");
  EXPECT_EQ(Json("1e100"), "1.0e100");
  EXPECT_EQ(Json("10.0e99"), "1.0e100");
  EXPECT_EQ(Json("1.5e-10"), "1.5e-10");
  EXPECT_EQ(Json("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(Json("123456789012345678901234567890.12345678901234567890"),
            "1.234567890123456789012345678901234567890123456789e29");
}

TEST(JsonNormalForm, WritesEscapesOnlyWhereNeeded) {
  EXPECT_EQ(Json(R"("\u0041\/\u00e9\ud83d\ude00")"), "\"A/é😀\"");
  EXPECT_EQ(Json(R"("\n\u0001\"\\")"), R"("\u000a\u0001\"\\")");
  EXPECT_EQ(Json(R"("\ud800x")"), R"("\ud800x")");
  EXPECT_EQ(Json(R"("\ud800\u0041")"), R"("\ud800A")");
}

TEST(JsonNormalForm, RefusesWhatIsNoJson) {
  for (const char* text : {"", "{", "[1,]", "{\"a\"}", "01", "1.", ".5", "tru", "\"a", "\"\\x\"",
                           "1 2", "[1", "{\"a\":1,}", "nan", "\"\\u12g4\"", "-", "1e", "\"\n\""}) {
    EXPECT_EQ(JsonNormalForm(text), std::nullopt) << text;
  }
  EXPECT_EQ(JsonNormalForm(std::string(100'000, '[')), std::nullopt);
  EXPECT_TRUE(JsonNormalForm(std::string(100, '[') + std::string(100, ']')));
}

std::string RandomJson(std::mt19937& random, int depth) {
  switch (random() % (depth > 3 ? 4 : 6)) {
    case 0:
      return std::to_string(static_cast<int>(random()) % 1000);
    case 1:
      return std::to_string(random() % 1000) + ".5e" +
             std::to_string(static_cast<int>(random() % 40) - 20);
    case 2:
      return "\"k" + std::to_string(random() % 9) + "\\u00e9\"";
    case 3:
      return random() % 2 ? "true" : "null";
    case 4: {
      std::string out = "[ ";
      for (uint32_t i = random() % 4; i > 0; --i) {
        out += RandomJson(random, depth + 1) + (i > 1 ? " ," : "");
      }
      return out + "]";
    }
    default: {
      std::string out = "{";
      for (uint32_t i = random() % 4; i > 0; --i) {
        out += "\"" + std::to_string(random() % 5) + "\": " + RandomJson(random, depth + 1);
        if (i > 1) out += ", ";
      }
      return out + "}";
    }
  }
}

TEST(JsonNormalForm, IsItsOwnNormalForm) {
  std::mt19937 random(3);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomJson(random, 0);
    const auto once = JsonNormalForm(text);
    ASSERT_TRUE(once) << text;
    EXPECT_EQ(JsonNormalForm(*once), once) << text;
  }
}

TEST(LogicalType, EqualFollowsTheNormalForm) {
  LogicalType json{.kind = TypeKind::kJson};
  EXPECT_TRUE(Equal(json, R"({"a": 1, "b": 2})", R"({"b":2,"a":1})"));
  EXPECT_FALSE(Equal(json, "1", "1.0"));
  EXPECT_FALSE(Equal(json, "{", "[ "));
  LogicalType fixed{.kind = TypeKind::kChar, .length = 4};
  EXPECT_TRUE(Equal(fixed, "ab", "ab  "));
  EXPECT_FALSE(Equal(fixed, "ab", " ab"));
  LogicalType text{.kind = TypeKind::kVarchar, .length = 4};
  EXPECT_FALSE(Equal(text, "ab", "ab "));
  EXPECT_EQ(NormalForm(fixed, "ab  "), "ab");
  EXPECT_EQ(NormalForm(text, "ab  "), "ab  ");
  EXPECT_EQ(NormalForm(json, "{ not"), "{ not");
}

TEST(LogicalType, FloatsReadBackToTheSameBits) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 20'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    const auto wide = std::bit_cast<double>(random());
    std::string text;
    if (!std::isnan(value)) {
      AppendFloat(text, value);
      float back = 0;
      std::from_chars(text.data(), text.data() + text.size(), back);
      EXPECT_EQ(std::bit_cast<uint32_t>(back), std::bit_cast<uint32_t>(value)) << text;
    }
    text.clear();
    if (!std::isnan(wide)) {
      AppendDouble(text, wide);
      double back = 0;
      std::from_chars(text.data(), text.data() + text.size(), back);
      EXPECT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(wide)) << text;
    }
  }
  std::string text;
  AppendFloat(text, 16777217.0f);
  EXPECT_EQ(text, "16777216");
  text.clear();
  AppendDouble(text, -std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(text, "nan");
  text.clear();
  AppendDouble(text, -std::numeric_limits<double>::infinity());
  EXPECT_EQ(text, "-inf");
}

}  // namespace
}  // namespace godwit
