// SPDX-License-Identifier: Apache-2.0
// MariaDB's SET STATEMENT … FOR, which its log keeps before the statement.
#include <algorithm>
#include <array>

#include "connectors/mysql_family/ddl_parser.h"
#include "connectors/mysql_family/definition_parser.h"

namespace godwit::mysql {

SetStatement FindSetStatement(const std::vector<Token>& tokens) {
  SetStatement out;
  // No token behind a word is beyond the last one, which is no word.
  while (tokens[out.end].Is("set") && tokens[out.end + 1].Is("statement")) {
    std::vector<std::string> variables;
    bool is_name = true;
    int depth = 0;
    size_t at = out.end + 2;
    for (; depth != 0 || !tokens[at].Is("for"); ++at) {
      if (tokens[at].kind == Token::Kind::kEnd) return out;
      if (tokens[at].IsSymbol('(')) ++depth;
      if (tokens[at].IsSymbol(')')) --depth;
      if (is_name) variables.push_back(Lower(tokens[at].text));
      is_name = depth == 0 && tokens[at].IsSymbol(',');
    }
    out.variables.insert(out.variables.end(), variables.begin(), variables.end());
    out.end = at + 1;
  }
  return out;
}

bool LeavesMeaning(std::string_view variable) {
  // How long a statement waits and runs, by which way and with what memory, what the log calls it,
  // and what it checks but does not keep.
  constexpr std::array<std::string_view, 17> kHarmless = {
      "lock_wait_timeout", "innodb_lock_wait_timeout", "max_statement_time", "alter_algorithm",
      "old_alter_table",   "gtid_domain_id",           "gtid_seq_no",        "server_id",
      "binlog_format",     "binlog_alter_two_phase",   "foreign_key_checks", "unique_checks",
      "sort_buffer_size",  "myisam_sort_buffer_size",  "tmp_table_size",     "max_session_mem_used",
      "wsrep_osu_method"};
  return std::find(kHarmless.begin(), kHarmless.end(), variable) != kHarmless.end();
}

}  // namespace godwit::mysql
