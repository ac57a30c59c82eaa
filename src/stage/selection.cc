// SPDX-License-Identifier: Apache-2.0
#include "stage/selection.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace godwit {

using nlohmann::json;
using Kind = CatalogObject::Kind;

namespace {

bool IsCarried(const CatalogObject& object) {
  return object.kind == Kind::kTable || object.kind == Kind::kView;
}

// Why an object that is not selected is not.
std::string ReasonOf(const CatalogObject& object, const ObjectRules& rules) {
  if (object.name.table == kHeartbeatTable) return "Godwit's own";
  if (rules.IsExcluded(object.name)) return "excluded";
  if (!rules.Find(object.name)) return "no rule";
  return object.kind == Kind::kTemporary ? "temporary" : "unsupported: " + object.type;
}

TableName NameFrom(const json& j) { return {j.at(0), j.at(1)}; }
json ToJson(const TableName& name) { return {name.database, name.table}; }

}  // namespace

Selection SelectObjects(Catalog& catalog, const ObjectRules& rules) {
  Selection selection;
  for (const std::string& database : catalog.Databases()) {
    if (!rules.MaySelect(database)) continue;
    for (const CatalogObject& object : catalog.Objects(database)) {
      if (!IsCarried(object) || !rules.Find(object.name)) continue;
      bool is_view = object.kind == Kind::kView;
      (is_view ? selection.views : selection.tables).push_back(object.name);
    }
  }
  std::sort(selection.tables.begin(), selection.tables.end());
  std::sort(selection.views.begin(), selection.views.end());
  return selection;
}

uint64_t SelectionPreview::tables() const {
  return static_cast<uint64_t>(std::count_if(selected.begin(), selected.end(),
                                             [](const Selected& s) { return !s.is_view; }));
}

uint64_t SelectionPreview::rows() const {
  uint64_t rows = 0;
  for (const Selected& object : selected) rows += object.rows;
  return rows;
}

SelectionPreview PreviewSelection(Catalog& catalog, const ObjectRules& rules) {
  SelectionPreview preview;
  for (const std::string& database : catalog.Databases()) {
    if (!rules.MaySelect(database)) {
      preview.left_out.push_back({database + ".*", "no rule"});
      continue;
    }
    for (const CatalogObject& object : catalog.Objects(database)) {
      auto mapping = rules.Find(object.name);
      if (!IsCarried(object) || !mapping) {
        preview.left_out.push_back({object.name.ToString(), ReasonOf(object, rules)});
        continue;
      }
      const bool is_view = object.kind == Kind::kView;
      const uint64_t rows = is_view ? 0 : catalog.Estimate(object.name).rows;
      preview.selected.push_back({object.name, mapping->destination, is_view, rows});
    }
  }
  std::sort(preview.selected.begin(), preview.selected.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  std::sort(preview.left_out.begin(), preview.left_out.end(),
            [](const auto& a, const auto& b) { return a.object < b.object; });
  return preview;
}

json ToJson(const SelectionPreview& preview) {
  json selected = json::array();
  for (const SelectionPreview::Selected& object : preview.selected) {
    selected.push_back({{"object", object.name.ToString()},
                        {"name", ToJson(object.name)},
                        {"destination", object.destination.ToString()},
                        {"destination_name", ToJson(object.destination)},
                        {"kind", object.is_view ? "view" : "table"},
                        {"rows", object.rows}});
  }
  json left_out = json::array();
  for (const SelectionPreview::LeftOut& object : preview.left_out) {
    left_out.push_back({{"object", object.object}, {"reason", object.reason}});
  }
  return {{"tables", preview.tables()},
          {"views", preview.selected.size() - preview.tables()},
          {"rows", preview.rows()},
          {"selected", std::move(selected)},
          {"left_out", std::move(left_out)}};
}

SelectionPreview SelectionFromJson(const json& j) {
  SelectionPreview preview;
  for (const json& object : j.at("selected")) {
    preview.selected.push_back({NameFrom(object.at("name")),
                                NameFrom(object.at("destination_name")),
                                object.at("kind") == "view", object.at("rows")});
  }
  for (const json& object : j.at("left_out")) {
    preview.left_out.push_back({object.at("object"), object.at("reason")});
  }
  return preview;
}

}  // namespace godwit
