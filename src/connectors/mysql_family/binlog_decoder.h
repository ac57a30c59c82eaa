// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/mysql_family/binlog_event.h"
#include "connectors/mysql_family/binlog_position.h"
#include "connectors/mysql_family/binlog_rows.h"
#include "connectors/mysql_family/dialect_traits.h"
#include "connectors/mysql_family/domain_gtids.h"
#include "connectors/mysql_family/gtid_set.h"
#include "connectors/mysql_family/lexer.h"
#include "model/change.h"

namespace godwit::mysql {

struct Collation {
  std::string name;
  std::string charset;
};
// By the number that events carry.
using Collations = std::map<uint16_t, Collation>;

class PayloadReader;

// Turns the events of one server's binary log, in order, into fragments. Knows nothing of where
// they come from. One thread.
class BinlogDecoder {
 public:
  struct Source {
    DialectTraits traits;
    Collations collations;
    std::string object;  // for errors
    // What the server's clock shows in a time zone of its own at a moment ("YYYY-MM-DD hh:mm:ss");
    // empty where it does not know the zone.
    std::function<std::string(std::string_view time_zone, uint32_t moment)> local_time;
    std::shared_ptr<Charsets> charsets = std::make_shared<Charsets>();
    // Another server's log than that of `from`, of which `from` has but the name: it comes by what
    // was executed, and what it leaves out lies behind the place where it begins.
    bool by_gtid = false;
  };

  // What ends at or before `known` was read before, and need not begin behind `from`.
  BinlogDecoder(Source source, const BinlogPosition& from, const BinlogPosition& known,
                SchemaHistory& history);
  BinlogDecoder(Source source, const BinlogPosition& from, SchemaHistory& history)
      : BinlogDecoder(std::move(source), from, from, history) {}
  ~BinlogDecoder();

  // Takes the next event, once Pop has returned nullopt for the last one; its bytes must stay as
  // long as needs_event().
  void Feed(std::string_view event);
  std::optional<Fragment> Pop();
  bool needs_event() const { return payload_ != nullptr; }

  const BinlogPosition& position() const { return position_; }
  // Whether position() is a place to go on from.
  bool has_place() const { return has_place_; }
  // LOG_RESET, with what shows that the log is not the one that was read so far.
  [[noreturn]] void RefuseReset(const std::string& sign) const;

 private:
  // A transaction or a lone statement, since its GTID or its BEGIN.
  struct Group {
    BinlogPosition start;
    std::string id;
    bool is_begun = false;  // its Begin was emitted
    bool is_void = false;   // its statement did nothing (MariaGtidEvent::is_open_alter)
    std::string gtid_source;
    uint64_t gtid_number = 0;
    std::optional<DomainGtid> domain_gtid;
    int64_t commit_time_us = 0;
  };

  void Advance(const EventHeader& header);
  void Handle(const EventHeader& header, std::string_view body);
  void HandleRest(const EventHeader& header, std::string_view body);
  void HandleGtid(EventType type, std::string_view body);
  void CheckOrder(const GtidEvent& gtid);
  void HandleMariaGtid(const EventHeader& header, std::string_view body);
  void Reach(const DomainGtid& gtid);
  void HandleRotate(const EventHeader& header, std::string_view body);
  void IdentifyFile(const EventHeader& header);
  void HandleRows(const EventHeader& header, std::string_view body);
  void HandleXaPrepare(const EventHeader& header, std::string_view body);
  void CompleteXa(const EventHeader& header, const std::string& xid, Fragment::Kind kind);
  void HandleQuery(const EventHeader& header, std::string_view body);
  bool HandleTransactionWord(const EventHeader& header, const std::string& statement,
                             const std::vector<Token>& tokens);
  // In UTF-8.
  std::string TextOf(QueryEvent& query);
  SchemaChange Parse(const QueryEvent& query, const std::string& statement);
  void SettleDatabase(const QueryEvent& query, SchemaChange& change) const;
  std::vector<SchemaChange> ChangesOf(const EventHeader& header, const QueryEvent& query,
                                      const std::string& statement);
  void NoteMoment(const EventHeader& header, const QueryEvent& query, SchemaChange& change) const;
  void HandleDdl(const EventHeader& header, const QueryEvent& query, const std::string& statement);
  void RefuseIfFollowed(const QueryEvent& query, const std::string& statement,
                        const std::vector<Token>& tokens);

  void Start();
  void Begin(const EventHeader& header);
  void Close();
  // The group ends with the present event, by a commit or a rollback.
  void End(const EventHeader& header, Fragment::Kind kind);
  Fragment& Emit(const EventHeader& header, Fragment::Kind kind);
  void EmitHeartbeat(const EventHeader& header);
  Position RestartPosition() const;
  std::string Charset(uint16_t collation) const;
  std::string CollationName(uint16_t collation) const;
  [[noreturn]] void Refuse(std::string code, std::string message, std::string cause,
                           std::string remedy) const;

  const Source source_;
  const BinlogPosition known_;
  SchemaHistory& history_;
  TextDecoders texts_;
  RowDecoder rows_;
  EventChecksum checksum_;
  GtidSet gtids_;
  GtidSet awaited_gtids_;  // of another server: all that was read; empty once that has come
  DomainGtids domain_gtids_;
  std::set<uint32_t> awaited_;  // domains of which what was read before may still come
  bool has_file_ = false;       // the log's first ROTATE, which says where it begins, has come
  bool tracks_gtids_ = false;
  bool has_place_;
  BinlogPosition position_;     // behind the event at hand; its gtids are those of ended groups
  BinlogPosition event_start_;  // before it
  std::optional<Group> group_;
  std::map<std::string, Group> prepared_;  // by xid
  std::unique_ptr<PayloadReader> payload_;
  std::string payload_event_;
  std::deque<RowsChange> changes_;
  std::deque<Fragment> ready_;
};

}  // namespace godwit::mysql
