// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/ddl_parser_alter.h"

#include <utility>

#include "model/names.h"

namespace godwit::mysql {

using Action = AlterAction::Kind;

void AlterParser::Clauses() {
  while (!in_.AtEnd()) {
    Clause();
    in_.AcceptSymbol(',');
  }
}

AlterAction& AlterParser::Add(Action kind) {
  AlterAction& action = out_.actions.emplace_back();
  action.kind = kind;
  return action;
}

bool AlterParser::IfExists() {
  bool found = in_.Accept({"if", "exists"}) || in_.Accept({"if", "not", "exists"});
  out_.if_exists = out_.if_exists || found;
  return found;
}

// What column definitions and keys brought along besides themselves.
void AlterParser::AddElements(TableSchema& elements) {
  for (IndexSchema& index : elements.indexes) Add(Action::kAddIndex).index = std::move(index);
  for (ForeignKeySchema& key : elements.foreign_keys) {
    AlterAction& action = Add(Action::kAddForeignKey);
    action.foreign_key = std::move(key);
    action.text = out_.table.table + "_ibfk_";
  }
  for (CheckSchema& check : elements.checks) {
    AlterAction& action = Add(Action::kAddCheck);
    if (check.column.empty()) action.text = definitions_.CheckNames(out_.table);
    action.check = std::move(check);
  }
  elements = {};
}

void AlterParser::Place(AlterAction& action) {
  if (in_.Accept("first")) action.first = true;
  if (in_.Accept("after")) action.after = in_.Name();
}

void AlterParser::Clause() {
  if (in_.Accept("add")) return AddClause();
  if (PartitionClause()) return;
  if (in_.Accept("drop")) return DropClause();
  if (in_.Peek().Is("modify") || in_.Peek().Is("change")) return ModifyClause();
  if (in_.Accept("alter")) return AlterClause();
  if (in_.Accept("rename")) return RenameClause();
  if (in_.Accept({"convert", "to"})) return ConvertClause();
  if (IneffectiveClause()) return;
  OptionClause();
}

void AlterParser::AddClause() {
  if (in_.Accept("partition")) {
    IfExists();
    AlterAction& action = Add(Action::kAddPartitions);
    if (in_.Accept("no_write_to_binlog") || in_.Accept("local")) IfExists();
    if (in_.Accept("partitions")) {
      action.text = std::to_string(in_.Number());
    } else {
      action.partitions = definitions_.PartitionList();
    }
    return;
  }
  if (in_.Accept({"system", "versioning"}) || in_.Accept({"period", "for"})) {
    in_.Fail("SYSTEM VERSIONING and periods are not followed");
  }
  TableSchema elements;
  if (definitions_.TableElement(elements)) return AddElements(elements);
  in_.Accept("column");
  IfExists();
  AddColumns(elements);
}

void AlterParser::AddColumns(TableSchema& elements) {
  if (!in_.AcceptSymbol('(')) {
    AlterAction action;
    action.kind = Action::kAddColumn;
    action.column = definitions_.Column(elements);
    Place(action);
    out_.actions.push_back(std::move(action));
    return AddElements(elements);
  }
  do {
    if (!definitions_.TableElement(elements)) {
      ColumnSchema column = definitions_.Column(elements);
      Add(Action::kAddColumn).column = std::move(column);
    }
  } while (in_.AcceptSymbol(','));
  in_.ExpectSymbol(')');
  AddElements(elements);
}

void AlterParser::DropClause() {
  if (in_.Accept({"primary", "key"})) {
    Add(Action::kDropPrimaryKey);
  } else if (in_.Accept("partition")) {
    IfExists();
    Names(Add(Action::kDropPartitions).names);
  } else if (in_.Accept({"foreign", "key"})) {
    IfExists();
    Add(Action::kDropForeignKey).name = in_.Name();
  } else if (in_.Peek().Is("index") || in_.Peek().Is("key")) {
    in_.Next();
    IfExists();
    std::string name = in_.Name();
    bool is_primary = Upper(name) == "PRIMARY";
    Add(is_primary ? Action::kDropPrimaryKey : Action::kDropIndex).name = name;
  } else if (in_.Accept("constraint")) {
    IfExists();
    std::string name = in_.Name();
    bool is_primary = Upper(name) == "PRIMARY";
    Add(is_primary ? Action::kDropPrimaryKey : Action::kDropConstraint).name = name;
  } else if (in_.Peek().Is("check") && in_.Peek(1).IsName()) {
    in_.Next();
    Add(Action::kDropCheck).name = in_.Name();
  } else if (in_.Accept({"system", "versioning"})) {
    in_.Fail("SYSTEM VERSIONING is not followed");
  } else {
    in_.Accept("column");
    IfExists();
    Add(Action::kDropColumn).name = in_.Name();
    if (!in_.Accept("restrict")) in_.Accept("cascade");
  }
}

void AlterParser::ModifyClause() {
  bool is_change = in_.Next().Is("change");
  in_.Accept("column");
  IfExists();
  TableSchema elements;
  AlterAction action;
  action.kind = Action::kModifyColumn;
  action.name = in_.Name();
  std::string name = is_change ? in_.Name() : action.name;
  if (definitions_.has_column_checks()) action.check.column = action.name;
  action.column = definitions_.ColumnAfterName(std::move(name), elements);
  Place(action);
  out_.actions.push_back(std::move(action));
  AddElements(elements);
}

void AlterParser::AlterClause() {
  if (in_.Accept("index") || (in_.Peek().Is("key") && in_.Peek(1).IsName() && in_.Accept("key"))) {
    IfExists();
    AlterAction& action = Add(Action::kIndexVisibility);
    action.name = in_.Name();
    if (in_.Accept("invisible") || in_.Accept("ignored")) {
      action.index.invisible = true;
    } else if (!in_.Accept("visible") && !in_.Accept({"not", "ignored"})) {
      in_.Fail("VISIBLE or INVISIBLE expected");
    }
    return;
  }
  if (in_.Accept("check") || in_.Accept("constraint")) {
    AlterAction& action = Add(Action::kCheckEnforcement);
    action.name = in_.Name();
    action.check.enforced = !in_.Accept("not");
    in_.Expect("enforced");
    return;
  }
  in_.Accept("column");
  IfExists();
  std::string name = in_.Name();
  if (in_.Accept({"drop", "default"})) {
    Add(Action::kDropDefault).name = name;
  } else if (in_.Accept({"set", "default"})) {
    AlterAction& action = Add(Action::kSetDefault);
    action.name = name;
    if (in_.Accept("null")) return;
    WrittenDefault written = definitions_.DefaultValue();
    action.column.default_value = std::move(written.value);
    action.text = written.form == LiteralForm::kNumber ? "NUMBER" : "TEXT";
  } else {
    in_.Expect("set");
    AlterAction& action = Add(Action::kSetVisibility);
    action.name = name;
    action.column.invisible = in_.Accept("invisible");
    if (!action.column.invisible) in_.Expect("visible");
  }
}

void AlterParser::RenameClause() {
  if (in_.Accept("column")) {
    IfExists();
    AlterAction& action = Add(Action::kRenameColumn);
    action.name = in_.Name();
    in_.Expect("to");
    action.new_name = in_.Name();
    return;
  }
  if ((in_.Peek().Is("index") || in_.Peek().Is("key")) && !in_.Peek(1).Is("to")) {
    in_.Next();
    IfExists();
    AlterAction& action = Add(Action::kRenameIndex);
    action.name = in_.Name();
    in_.Expect("to");
    action.new_name = in_.Name();
    return;
  }
  if (!in_.Accept("to") && !in_.Accept("as")) in_.AcceptSymbol('=');
  Add(Action::kRenameTable).new_table = definitions_.Name();
}

void AlterParser::ConvertClause() {
  if (!in_.Accept({"character", "set"}) && !in_.Accept({"char", "set"})) in_.Expect("charset");
  AlterAction& action = Add(Action::kConvertCharset);
  action.charset = definitions_.CharsetName();
  if (action.charset == "default") in_.Fail("the database's character set is not known here");
  if (in_.Accept("collate")) action.collation = definitions_.CollationName(action.charset);
}

// REORGANIZE carries the old names and the new partitions, COALESCE the number to take away,
// PARTITION BY its text and all that it says; REMOVE PARTITIONING nothing.
bool AlterParser::PartitionClause() {
  if (in_.Accept({"truncate", "partition"})) {
    AlterAction& action = Add(Action::kTruncatePartitions);
    if (!in_.Accept("all")) Names(action.names);
    return true;
  }
  if (in_.Peek().Is("partition") && in_.Peek(1).Is("by")) {
    const size_t begin = in_.at();
    in_.Accept({"partition", "by"});
    Partitioning partitioning = definitions_.Partitions();
    AlterAction& action = Add(Action::kReorganize);
    action.text = in_.SourceOf(begin, in_.at());
    action.partitioning = std::move(partitioning);
    return true;
  }
  if (in_.Accept({"remove", "partitioning"})) {
    Add(Action::kReorganize).text = "REMOVE PARTITIONING";
    return true;
  }
  if (in_.Accept({"coalesce", "partition"})) {
    in_.Accept("no_write_to_binlog") || in_.Accept("local");
    AlterAction& action = Add(Action::kReorganize);
    action.text = "COALESCE PARTITION";
    action.number = in_.Number();
    return true;
  }
  if (in_.Accept({"reorganize", "partition"})) {
    Reorganize();
    return true;
  }
  if (in_.Accept({"exchange", "partition"})) {
    Exchange();
    return true;
  }
  return Convert();
}

void AlterParser::Reorganize() {
  in_.Accept("no_write_to_binlog") || in_.Accept("local");
  AlterAction& action = Add(Action::kReorganize);
  action.text = "REORGANIZE PARTITION";
  if (in_.AtEnd()) return;  // of a KEY table, for the cluster engine: nothing moves
  Names(action.names);
  in_.Expect("into");
  action.partitions = definitions_.PartitionList();
}

// Moves rows between two tables without row events.
void AlterParser::Exchange() {
  AlterAction& action = Add(Action::kUnknown);
  action.text = "EXCHANGE PARTITION";
  action.names = {in_.Name()};
  in_.Expect("with");
  in_.Expect("table");
  action.new_table = definitions_.Name();
  if (in_.Accept({"with", "validation"}) || in_.Accept({"without", "validation"})) return;
}

// MariaDB's: a partition becomes a table, or a table one.
bool AlterParser::Convert() {
  const bool is_from_table = in_.Accept({"convert", "table"});
  if (!is_from_table && !in_.Accept({"convert", "partition"})) return false;
  AlterAction& action = Add(Action::kUnknown);
  action.text = is_from_table ? "CONVERT TABLE" : "CONVERT PARTITION";
  if (!is_from_table) {
    action.names = {in_.Name()};
    in_.Expect("to");
    in_.Expect("table");
  }
  action.new_table = definitions_.Name();
  SkipClause();
  return true;
}

bool AlterParser::IneffectiveClause() {
  if (in_.Accept({"discard", "partition"}) || in_.Accept({"import", "partition"}) ||
      in_.Accept({"discard", "tablespace"}) || in_.Accept({"import", "tablespace"})) {
    Add(Action::kUnknown).text = "DISCARD or IMPORT TABLESPACE";
    SkipClause();
    return true;
  }
  if (in_.Accept({"order", "by"})) {
    Add(Action::kNoEffect).text = "ORDER BY";
    while (!in_.AtEnd()) in_.Next();
    return true;
  }
  for (const char* word :
       {"analyze", "check", "optimize", "repair", "rebuild", "force", "enable", "disable", "lock",
        "algorithm", "with", "without", "nowait", "wait", "secondary_load", "secondary_unload"}) {
    if (!in_.Accept(word)) continue;
    Add(Action::kNoEffect).text = Upper(word);
    if (!in_.Peek().Is("partition")) {
      SkipClause();
      return true;
    }
    std::vector<std::string> names;
    in_.Next();
    if (!in_.Accept("all")) Names(names);
    SkipClause();
    return true;
  }
  return false;
}

void AlterParser::OptionClause() {
  TableSchema options;
  const size_t before = in_.at();
  const bool is_comment = in_.Peek().Is("comment");
  const bool is_counter = in_.Peek().Is("auto_increment");
  const Token& word = in_.Peek(in_.Peek().Is("default") ? 1 : 0);
  const bool is_charset =
      word.Is("character") || word.Is("char") || word.Is("charset") || word.Is("collate");
  if (!definitions_.TableOption(options)) {
    in_.Return(before);
    in_.Fail("a clause that is not known");
  }
  if (is_comment) {
    Add(Action::kTableComment).text = options.comment;
  } else if (is_counter) {
    Add(Action::kAutoIncrement).number = std::max<uint64_t>(options.next_auto_increment, 1);
  } else if (!options.charset.empty()) {
    bool joins = !out_.actions.empty() && out_.actions.back().kind == Action::kTableCharset;
    AlterAction& action = joins ? out_.actions.back() : Add(Action::kTableCharset);
    action.charset = options.charset;
    if (!options.collation.empty()) action.collation = options.collation;
  } else if (is_charset) {
    in_.Fail("the database's character set is not known here");
  } else {
    if (EqualNames(options.engine, "BLACKHOLE")) {
      in_.Fail("the rows are gone with this engine, which no change in the log shows");
    }
    AlterAction& action = Add(Action::kNoEffect);
    if (!options.engine.empty()) action.text = "ENGINE";
    action.new_name = options.engine;
  }
}

void AlterParser::Names(std::vector<std::string>& names) {
  do {
    names.push_back(in_.Name());
  } while (in_.AcceptSymbol(','));
}

void AlterParser::SkipClause() {
  while (!in_.AtEnd() && !in_.Peek().IsSymbol(',')) in_.SkipOne();
}

}  // namespace godwit::mysql
