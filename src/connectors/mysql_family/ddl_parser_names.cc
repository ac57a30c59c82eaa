// SPDX-License-Identifier: Apache-2.0
// Names of tables within a view's SELECT.
#include <strings.h>

#include <set>

#include "connectors/mysql_family/definition_parser.h"
#include "connectors/mysql_family/dialect.h"

namespace godwit::mysql {
namespace {

// Walks over a SELECT and tells names in FROM from all others.
//
// A table stands behind FROM, JOIN, or a comma of a FROM list, also within parentheses there. FROM
// within a call (EXTRACT(YEAR FROM d)) opens no list. Names that WITH defines are no tables.
class SelectWalker {
 public:
  SelectWalker(std::string_view sql, std::string_view default_database, const TableNameMap& map)
      : sql_(sql), default_database_(default_database), map_(map), tokens_(Tokenize(sql, {})) {}

  std::string Run() {
    FindCommonTables();
    for (size_t i = 0; i + 1 < tokens_.size();) i = Step(i);
    out_ += sql_.substr(copied_);
    return std::move(out_);
  }

 private:
  struct Level {
    bool is_list = false;  // within a FROM list
    bool is_call = false;
  };

  bool IsName(size_t i) const { return i < tokens_.size() && tokens_[i].IsName(); }
  bool IsDot(size_t i) const { return i < tokens_.size() && tokens_[i].IsSymbol('.'); }

  void FindCommonTables() {
    for (size_t i = 0; i + 2 < tokens_.size(); ++i) {
      size_t after = i + 1;
      if (tokens_[after].IsSymbol('(')) {  // name (columns) AS (
        while (after + 1 < tokens_.size() && !tokens_[after].IsSymbol(')')) ++after;
        ++after;
      }
      if (after + 1 >= tokens_.size() || !tokens_[i].IsName()) continue;
      if (tokens_[after].Is("as") && tokens_[after + 1].IsSymbol('(')) {
        common_.insert(Lower(tokens_[i].text));
      }
    }
  }

  size_t Step(size_t i) {
    const Token& token = tokens_[i];
    if (expects_table_ && token.IsName() && !token.Is("lateral") && !token.Is("select") &&
        !token.Is("json_table") && !token.Is("dual")) {
      return Table(i);
    }
    if (token.IsSymbol('(')) {
      const bool is_select = tokens_[i + 1].Is("select") || tokens_[i + 1].Is("with");
      const bool is_call = !expects_table_ && i > 0 && tokens_[i - 1].IsName() && !is_select;
      levels_.push_back({.is_list = expects_table_ && !is_select, .is_call = is_call});
      expects_table_ = expects_table_ && !is_select;
    } else if (token.IsSymbol(')')) {
      if (levels_.size() > 1) levels_.pop_back();
      expects_table_ = false;
    } else if (token.IsSymbol(',')) {
      expects_table_ = levels_.back().is_list;
    } else if (token.Is("from") && !levels_.back().is_call) {
      levels_.back().is_list = expects_table_ = true;
    } else if (token.Is("join") || token.Is("straight_join")) {
      expects_table_ = levels_.back().is_list;
    } else if (IsListEnd(token)) {
      levels_.back().is_list = expects_table_ = false;
    } else if (token.IsName() && !IsAfterDot(i)) {
      return Column(i);
    }
    return i + 1;
  }

  bool IsAfterDot(size_t i) const { return i > 0 && tokens_[i - 1].IsSymbol('.'); }

  static bool IsListEnd(const Token& token) {
    for (const char* word : {"where", "group", "having", "order", "limit", "union", "window",
                             "except", "intersect", "for", "select"}) {
      if (token.Is(word)) return true;
    }
    return false;
  }

  size_t Table(size_t i) {
    expects_table_ = false;
    if (!IsDot(i + 1) && common_.contains(Lower(tokens_[i].text))) return i + 1;
    const bool is_qualified = IsDot(i + 1) && IsName(i + 2);
    const size_t last = is_qualified ? i + 2 : i;
    const TableName name = is_qualified
                               ? TableName{tokens_[i].text, tokens_[last].text}
                               : TableName{std::string(default_database_), tokens_[i].text};
    const TableName mapped = map_(name);
    std::string text = Session::Quote(mapped.database) + "." + Session::Quote(mapped.table);
    if (mapped.table != name.table && !HasAlias(last + 1)) {
      text += " AS " + Session::Quote(name.table);  // columns go on to name it so
    }
    Replace(i, last, text);
    return last + 1;
  }

  bool HasAlias(size_t i) const {
    if (tokens_[i].Is("as") || tokens_[i].kind == Token::Kind::kQuoted) return true;
    if (!tokens_[i].IsName() || IsListEnd(tokens_[i])) return false;
    for (const char* word :
         {"join", "inner", "cross", "left", "right", "natural", "straight_join", "on", "using",
          "use", "force", "ignore", "partition", "with", "tablesample", "offset", "lock"}) {
      if (tokens_[i].Is(word)) return false;
    }
    return true;
  }

  // database.table.column
  size_t Column(size_t i) {
    if (!IsDot(i + 1) || !IsName(i + 2)) return i + 1;
    if (!IsDot(i + 3)) return i + 3;
    const TableName name{tokens_[i].text, tokens_[i + 2].text};
    const TableName mapped = map_(name);
    Replace(i, i + 2,
            mapped.table == name.table
                ? Session::Quote(mapped.database) + "." + Session::Quote(mapped.table)
                : Session::Quote(name.table));
    return i + 3;
  }

  void Replace(size_t first, size_t last, const std::string& text) {
    out_ += sql_.substr(copied_, tokens_[first].begin - copied_);
    out_ += text;
    copied_ = tokens_[last].end;
  }

  std::string_view sql_;
  std::string_view default_database_;
  const TableNameMap& map_;
  std::vector<Token> tokens_;
  std::set<std::string> common_;
  std::vector<Level> levels_{1};
  bool expects_table_ = false;
  std::string out_;
  size_t copied_ = 0;
};

}  // namespace

std::string MysqlDialect::MapTableNames(std::string_view select, std::string_view default_database,
                                        const TableNameMap& map) const {
  return SelectWalker(select, default_database, map).Run();
}

}  // namespace godwit::mysql
