// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/change_reader.h"

#include <fmt/format.h>

#include <charconv>

#include "connectors/mysql_family/domain_gtids.h"
#include "connectors/mysql_family/gtid_set.h"

namespace godwit::mysql {
namespace {

constexpr int kPreparedAttempts = 20;
constexpr std::chrono::seconds kBetweenAttempts{2};
constexpr int kLacksPrivilege = 1227;
constexpr int kAccessDenied = 1045;  // a hosted server's word for it
constexpr std::chrono::seconds kBetweenLooks{5};

uint32_t ServerId(const EndpointUrl& url) {
  std::string text = url.Option("server_id");
  uint32_t id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id);
  if (id != 0) return id;
  return RandomReplicaId();
}

}  // namespace

BinlogChangeReader::BinlogChangeReader(EndpointUrl url, Side side, ServerInfo server,
                                       std::shared_ptr<Charsets> charsets)
    : url_(std::move(url)),
      side_(side),
      server_(std::move(server)),
      server_id_(ServerId(url_)),
      charsets_(std::move(charsets)) {}

Session& BinlogChangeReader::Queries() {
  if (!queries_) queries_ = std::make_unique<Session>(url_, side_, SessionRole::kCatalog);
  return *queries_;
}

// A connection that broke must not be used again.
template <typename Call>
auto BinlogChangeReader::Retried(Call call) {
  try {
    return call(Queries());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) queries_.reset();
    throw;
  }
}

// The binary log's position moves before the engine commits, so a position alone proves nothing.
// 1. Wait until no XA transaction is prepared: its rows would lie before S and its commit after.
// 2. Under FLUSH TABLES WITH READ LOCK no commit and no XA PREPARE is under way: all before the
//    position is visible, everything that commits later is written after it, whole. What was
//    prepared just before the lock is seen by asking again.
// 3. Without the privilege: MariaDB ties a consistent snapshot to its position; MySQL
//    commits a mark.
Position BinlogChangeReader::ProveStart(const Mark& mark, std::stop_token stop) {
  return Retried([&](Session&) {
    for (int attempt = 0; attempt < kPreparedAttempts; ++attempt) {
      if (!HasPreparedTransactions()) {  // else the source's writers would be stopped for nothing
        if (auto position = PositionUnderLock(mark)) return position->Encode();
      }
      if (WaitForStop(stop, Deadline::In(kBetweenAttempts))) throw Stopped();
    }
    throw Error({.code = "START_POINT_UNPROVED",
                 .kind = ErrorKind::kBlocked,
                 .side = side_,
                 .object = url_.Redacted(),
                 .message = "XA transactions stay prepared at the source",
                 .cause = "their changes are in the log already, their commit is not",
                 .remedy = "commit or roll back what XA RECOVER shows, then resume"});
  });
}

// MySQL 8 asks for XA_RECOVER_ADMIN. Without it a commit of such a transaction is recognised when
// it comes (XA_UNKNOWN).
bool BinlogChangeReader::HasPreparedTransactions() {
  try {
    return !Queries().Query("XA RECOVER").empty();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) throw;
    return false;
  }
}

std::optional<BinlogPosition> BinlogChangeReader::PositionUnderLock(const Mark& mark) {
  Session& session = Queries();
  try {
    LockForPosition(session);
  } catch (const Error& error) {
    const int native = error.fields().native;
    const bool lacks_privilege = native == kLacksPrivilege || native == kAccessDenied;
    if (!lacks_privilege) throw;
    return server_.flavor == Flavor::kMariaDb ? PositionOfSnapshot() : PositionBeforeMark(mark);
  }
  try {
    const bool has_prepared = HasPreparedTransactions();
    BinlogPosition position = ReadLogPosition(session);
    UnlockPosition(session);
    if (has_prepared) return {};
    return position;
  } catch (const Error&) {
    queries_.reset();  // its end frees the lock
    throw;
  }
}

// What is prepared and committed between the first question and the last one goes unseen here, and
// is recognised at its commit.
std::optional<BinlogPosition> BinlogChangeReader::PositionOfSnapshot() {
  Session& session = Queries();
  session.Execute("START TRANSACTION WITH CONSISTENT SNAPSHOT");
  auto position = ReadSnapshotPosition(session);
  session.Execute("ROLLBACK");
  if (HasPreparedTransactions()) return {};
  return position ? position : ReadLogPosition(session);  // says that there is no log
}

// What stands in the log before a transaction has become visible with it, where commits keep the
// order of the log: so has all before a place that was the log's end before the mark was written.
std::optional<BinlogPosition> BinlogChangeReader::PositionBeforeMark(const Mark& mark) {
  const auto fail = [&](std::string cause, std::string remedy) {
    throw Error({.code = "START_POINT_UNPROVED",
                 .kind = ErrorKind::kBlocked,
                 .side = side_,
                 .object = url_.Redacted(),
                 .message = "the account may not lock the source for the moment of the start point",
                 .cause = std::move(cause),
                 .remedy = std::move(remedy)});
  };
  if (!mark) {
    fail("it lacks RELOAD, which FLUSH TABLES WITH READ LOCK needs",
         "GRANT RELOAD ON *.* to the account (the lock is held for milliseconds), or let a row be "
         "written at the source ('heartbeat' in the project file)");
  }
  Session& session = Queries();
  if (session.QueryValue("SELECT @@GLOBAL.binlog_order_commits") != "1") {
    fail("it lacks RELOAD, and binlog_order_commits is OFF: what is in the log may not be visible",
         "GRANT RELOAD ON *.* to the account, or SET GLOBAL binlog_order_commits=ON");
  }
  BinlogPosition position = ReadLogPosition(session);
  // What is in the log before the place, and not yet committed, is not among the GTIDs. The next
  // file of the log begins with those before it.
  position.gtids.clear();
  mark();
  if (HasPreparedTransactions()) return {};
  return position;
}

Position BinlogChangeReader::Current() {
  return Retried([](Session& session) { return ReadLogPosition(session).Encode(); });
}

int BinlogChangeReader::Compare(const Position& a, const Position& b) {
  return mysql::Compare(BinlogPosition::Decode(a), BinlogPosition::Decode(b));
}

std::string BinlogChangeReader::Describe(const Position& position) {
  return mysql::Describe(BinlogPosition::Decode(position));
}

// The same server is read by place, another one (a promoted replica) by what was executed. Either
// way it must have executed all that was read, and must not have forgotten the rest. Where no GTIDs
// tell, the decoder knows the log's file again by its beginning.
bool BinlogChangeReader::StartsByGtid(const BinlogPosition& from, const BinlogPosition& known,
                                      const std::string& server) {
  const bool is_mariadb = server_.flavor == Flavor::kMariaDb;
  const bool is_same = from.server == server;
  if (from.server.empty() || (is_same && (is_mariadb || from.gtids.empty()))) return false;
  std::string obstacle;
  if (from.gtids.empty() || DomainGtids::IsText(from.gtids) != is_mariadb) {
    obstacle = "it is another server, and no GTIDs tell what it has";
  } else if (is_mariadb) {
    obstacle = DomainObstacle(from, known, server);
  } else {
    obstacle = SetObstacle(from, known, is_same);
  }
  if (obstacle.empty()) return !is_same;
  throw Error(
      {.code = "LOG_PURGED",
       .kind = ErrorKind::kBlocked,
       .side = side_,
       .object = url_.Redacted(),
       .message =
           fmt::format("the source cannot go on from {}: {}", mysql::Describe(from), obstacle),
       .cause = "it is another server that cannot send what comes next, or its log was reset",
       .remedy = "connect to the server that was read before, or to a replica of it that has "
                 "caught up; else release the project, empty its tables at the destination, and "
                 "migrate again"});
}

std::string BinlogChangeReader::SetObstacle(const BinlogPosition& from, const BinlogPosition& known,
                                            bool is_same) {
  Session& session = Queries();
  const GtidSet begin = GtidSet::Parse(from.gtids);
  const GtidSet executed =
      GtidSet::Parse(session.QueryValue("SELECT @@GLOBAL.gtid_executed").value_or(""));
  const GtidSet purged =
      GtidSet::Parse(session.QueryValue("SELECT @@GLOBAL.gtid_purged").value_or(""));
  if (!executed.Contains(begin) || !executed.Contains(GtidSet::Parse(known.gtids))) {
    return fmt::format("{} has executed {}, and not all that was read",
                       is_same ? "its log was reset: it" : "it is another server, which",
                       executed.ToString());
  }
  if (is_same || begin.Contains(purged)) return "";
  return "it is another server, which has purged a part that is needed: " + purged.ToString();
}

// MariaDB lets pass what it does not know of, and tells by itself what it has purged.
std::string BinlogChangeReader::DomainObstacle(const BinlogPosition& from,
                                               const BinlogPosition& known,
                                               const std::string& server) {
  const DomainGtids begin = DomainGtids::Parse(from.gtids);
  const DomainGtids read = DomainGtids::Parse(known.gtids);
  // What ended before `known` and begins behind `from`, domain by domain, has another order there.
  const bool is_read_at_once = from.gtids == known.gtids || from.server == server + kAwaits;
  if (!is_read_at_once && read.domains().size() > 1) {
    return "it is another server, which has its replication domains in another order, and the old "
           "one had an XA transaction prepared";
  }
  if (!begin.is_ordered() || !read.is_ordered()) {
    return "it is another server, and lower GTIDs came behind higher ones: those marked with '!' "
           "name no place";
  }
  const auto row = Queries()
                       .Query(
                           "SELECT @@GLOBAL.gtid_binlog_state, @@GLOBAL.gtid_slave_pos, "
                           "@@GLOBAL.log_slave_updates")
                       .at(0);
  const std::string logged = row.at(0).value_or("");
  const std::string applied = row.at(1).value_or("");
  if (!applied.empty() && row.at(2) == "0") {
    return "it is a replica whose log lacks what it applied (log_slave_updates is off)";
  }
  const auto state = DomainGtid::ParseList(logged);
  const auto position = DomainGtid::ParseList(applied);
  if (begin.IsReachedBy(state, position) && read.IsReachedBy(state, position)) return "";
  return fmt::format(
      "it is another server, which has logged {} and applied {}, and not all that was "
      "read",
      logged.empty() ? "nothing" : logged, applied.empty() ? "nothing" : applied);
}

Collations BinlogChangeReader::ReadCollations() {
  Collations out;
  for (Row& row : Queries().Query("SHOW COLLATION")) {
    if (row.size() < 3 || !row[0] || !row[1] || !row[2]) continue;
    unsigned id = 0;
    std::from_chars(row[2]->data(), row[2]->data() + row[2]->size(), id);
    out[static_cast<uint16_t>(id)] = {*row[0], *row[1]};
  }
  if (server_.flavor != Flavor::kMariaDb) return out;
  try {  // from 10.10 on some collations serve several character sets, and have no number above
    for (Row& row : Queries().Query("SELECT ID, FULL_COLLATION_NAME, CHARACTER_SET_NAME FROM "
                                    "information_schema.COLLATION_CHARACTER_SET_APPLICABILITY")) {
      if (!row[0] || !row[1] || !row[2]) continue;
      unsigned id = 0;
      std::from_chars(row[0]->data(), row[0]->data() + row[0]->size(), id);
      out.emplace(static_cast<uint16_t>(id), Collation{*row[1], *row[2]});
    }
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) throw;
  }
  return out;
}

std::string BinlogChangeReader::LocalTime(std::string_view time_zone, uint32_t moment) {
  return Retried([&](Session& session) {
    try {
      session.Execute("SET time_zone=" + Session::Literal(time_zone));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient) throw;
      return std::string();  // a zone whose table is gone
    }
    auto text = session.QueryValue(fmt::format("SELECT FROM_UNIXTIME({})", moment));
    session.Execute("SET time_zone='+00:00'");
    return text.value_or("");
  });
}

void BinlogChangeReader::Start(const Position& position, const Position& known,
                               SchemaHistory& history) {
  stream_.reset();
  decoder_.reset();
  end_.reset();
  BinlogPosition from = BinlogPosition::Decode(position);
  const BinlogPosition already = BinlogPosition::Decode(known);
  Retried([&](Session& session) {
    const std::string server = ReadLogServer(session);
    bool by_gtid = StartsByGtid(from, already, server);
    BinlogDecoder::Source source{
        .traits = DialectTraits::For(server_),
        .collations = ReadCollations(),
        .object = url_.Redacted(),
        .local_time = [this](std::string_view zone,
                             uint32_t moment) { return LocalTime(zone, moment); },
        .charsets = charsets_};
    if (by_gtid) {
      from.server = server;
      from.file_id = 0;  // that of the other server's file
    }
    source.by_gtid = by_gtid;
    stream_ = std::make_unique<BinlogStream>(
        url_, side_, from, BinlogStream::Options{.server_id = server_id_, .by_gtid = by_gtid});
    decoder_ = std::make_unique<BinlogDecoder>(std::move(source), from, already, history);
  });
}

// The end of the log; nullopt where the server has no time to tell it.
std::optional<BinlogPosition> BinlogChangeReader::LookAtEnd() {
  try {
    if (!looks_) {
      EndpointUrl url = url_;
      url.options["network_timeout"] = "5";  // the stream waits meanwhile
      looks_ = std::make_unique<Session>(url, side_, SessionRole::kCatalog);
    }
    return ReadLogPosition(*looks_);
  } catch (const Error&) {
    looks_.reset();
    return {};
  }
}

// After a RESET the log's file has its old name again, and the server says for as long as that is
// the shorter one, or for good, that there is nothing new.
void BinlogChangeReader::CheckEnd() {
  if (!look_again_.has_passed() || !decoder_->has_place()) return;
  const auto looked = LookAtEnd();
  look_again_ = Deadline::In(kBetweenLooks);
  if (!looked) return;
  const BinlogPosition& read = decoder_->position();
  const BinlogPosition& end = *looked;
  if (mysql::Compare(end, read) < 0) decoder_->RefuseReset("it ends before what was read of it");
  const auto before = std::exchange(end_, end);
  if (!before || mysql::Compare(*before, read) <= 0 || silent_at_ == read) return;
  silent_at_ = read;
  throw Error({.code = "LOG_SILENT",
               .kind = ErrorKind::kTransient,
               .side = side_,
               .object = url_.Redacted(),
               .message = fmt::format("nothing comes behind {}, and the log goes on to {}",
                                      mysql::Describe(read), mysql::Describe(*before)),
               .cause = "the log was reset, or the connection passes on signs of life alone",
               .remedy = "nothing: Godwit connects anew and sees which log it is"});
}

std::optional<Fragment> BinlogChangeReader::Next(Deadline deadline, std::stop_token stop) {
  GODWIT_CHECK(decoder_ != nullptr, "a reader is started before it is asked for fragments");
  for (;;) {
    if (auto fragment = decoder_->Pop()) {
      const bool is_idle =
          fragment->kind == Fragment::Kind::kHeartbeat && fragment->source_time_us == 0;
      if (is_idle) {
        CheckEnd();
      } else {
        end_.reset();
      }
      return fragment;
    }
    if (stop.stop_requested()) return {};
    auto event = stream_->Next(deadline, stop);
    if (!event) return {};
    bytes_.fetch_add(event->size(), std::memory_order_relaxed);
    decoder_->Feed(*event);
    if (!decoder_->needs_event()) stream_->Forget();
  }
}

// MySQL purges its log by age or by hand; a reader holds nothing back there.
void BinlogChangeReader::Release(const Position&) {}

}  // namespace godwit::mysql
