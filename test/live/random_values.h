// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "connectors/mysql_family/draw_for_test.h"

namespace godwit::live {

// Character sets besides utf8mb4; all servers of MySQL's kind have them, gb18030 only newer ones.
std::vector<std::string> OtherCharsets();

// At most so many characters, all of which the set has; in UTF-8.
std::string DrawText(const std::string& charset, size_t most, mysql::Draw& draw);
// The same text but for one character, or with one more or less; of the same set. It may be the
// same.
std::string NudgeText(const std::string& charset, const std::string& text, size_t most,
                      mysql::Draw& draw);

// A document: numbers of every size, odd strings and keys, some of them deep.
std::string DrawJson(mysql::Draw& draw);
// Any kind of shape: SRID (0, or else also that of WGS 84) and WKB.
std::string DrawGeometry(bool has_srids, mysql::Draw& draw);
// Five floats.
std::string DrawVector(mysql::Draw& draw);

}  // namespace godwit::live
