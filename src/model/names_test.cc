// SPDX-License-Identifier: Apache-2.0
#include "model/names.h"

#include <gtest/gtest.h>

namespace godwit {
namespace {

TEST(Names, CaseIsThatOfAllScripts) {
  EXPECT_TRUE(EqualNames("Order", "oRDER"));
  EXPECT_FALSE(EqualNames("order", "orders"));
  EXPECT_TRUE(EqualNames("ÄPFEL", "äpfel"));
  EXPECT_TRUE(EqualNames("Пол", "ПОЛ"));
  EXPECT_TRUE(EqualNames("ΌΝΟΜΑ", "όνομα"));
  EXPECT_FALSE(EqualNames("apfel", "äpfel"));  // an accent is no case
  EXPECT_FALSE(EqualNames("订单", "用户"));
  EXPECT_TRUE(EqualNames("订单A", "订单a"));
  EXPECT_EQ(FoldedName("ÄPFEL_İ"), "äpfel_i");  // another length
}

TEST(Names, WhatIsNoUtf8StaysAsItIs) {
  for (const char* bytes : {"\xc4",
                            "\xc4"
                            "A",
                            "\xe2\x82", "\xff\xfe", "\xf0\x9f\x98\x80", "\x80x"}) {
    const std::string name(bytes);
    EXPECT_EQ(FoldedName(name).size(), name.size());
    EXPECT_TRUE(EqualNames(name, name));
  }
  EXPECT_FALSE(EqualNames("\xc4", "\xe4"));
}

}  // namespace
}  // namespace godwit
