// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "connectors/mysql_family/binlog_decoder.h"

namespace godwit::golden {

// A golden log by its name: mysql97, mysql56 or mariadb.
mysql::DialectTraits TraitsOf(const std::string& name);
mysql::BinlogDecoder::Source SourceOf(const std::string& name);
std::vector<Fragment> DecodeLog(const std::string& name);
// NAME.SUFFIX beside this file.
std::string GoldenPath(const std::string& name, const std::string& suffix);

}  // namespace godwit::golden
