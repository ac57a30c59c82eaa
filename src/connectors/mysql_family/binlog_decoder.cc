// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/binlog_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/large_buffer.h"
#include "connectors/mysql_family/binlog_payload.h"

namespace godwit::mysql {
namespace {

constexpr int64_t kMicros = 1000000;

}  // namespace

BinlogDecoder::BinlogDecoder(Source source, const BinlogPosition& from, const BinlogPosition& known,
                             SchemaHistory& history)
    : source_(std::move(source)),
      known_(known),
      history_(history),
      texts_(source_.charsets),
      rows_(history, texts_, source_.traits.flavor),
      has_place_(!source_.by_gtid),
      position_(from),
      event_start_(from) {
  if (source_.traits.flavor != Flavor::kMariaDb) {
    gtids_ = GtidSet::Parse(from.gtids);
    tracks_gtids_ = !from.gtids.empty();
    if (source_.by_gtid) awaited_gtids_ = GtidSet::Parse(known.gtids);
    return;
  }
  domain_gtids_ = DomainGtids::Parse(from.gtids);
  tracks_gtids_ = !from.server.empty();
  if (source_.by_gtid) awaited_ = domain_gtids_.domains();
  if (!awaited_.empty()) position_.server += kAwaits;
}

BinlogDecoder::~BinlogDecoder() = default;

void BinlogDecoder::Feed(std::string_view event) {
  EventHeader header = EventHeader::Parse(event);
  std::string_view body = checksum_.Check(header, event);
  Advance(header);
  Handle(header, body);
}

std::optional<Fragment> BinlogDecoder::Pop() {
  while (ready_.empty() && payload_) {
    if (!payload_->Next(payload_event_)) {
      payload_.reset();
      break;
    }
    std::string_view event = payload_event_;
    Handle(EventHeader::Parse(event), event.substr(kEventHeaderSize));
    GiveBackIfLarge(payload_event_);
  }
  if (ready_.empty()) return {};
  Fragment fragment = std::move(ready_.front());
  ready_.pop_front();
  return fragment;
}

// What the server leaves out of the stream shows as a step forward. A format description comes at
// every connection, wherever that starts.
void BinlogDecoder::Advance(const EventHeader& header) {
  event_start_ = position_;
  if ((header.flags & kFlagArtificial) != 0) return;
  if (header.end_position == 0) {
    // MariaDB 11.4: of a group only the first and the last event say where they end.
    const bool is_within = group_ && source_.traits.flavor == Flavor::kMariaDb;
    if (is_within) position_.offset += header.size;
    return;
  }
  if (header.type == EventType::kHeartbeat || header.type == EventType::kHeartbeatV2) return;
  const uint64_t end = header.EndBehind(position_.offset);
  const uint64_t step = end - position_.offset;
  if (header.type == EventType::kFormatDescription && step != header.size) return;
  position_.offset = end;
  event_start_.offset = end - std::min<uint64_t>(header.size, step);
}

void BinlogDecoder::Handle(const EventHeader& header, std::string_view body) {
  switch (header.type) {
    case EventType::kQuery:
    case EventType::kMariaQueryCompressed:
    case EventType::kExecuteLoadQuery:
      return HandleQuery(header, body);
    case EventType::kXid:
      return End(header, Fragment::Kind::kCommit);
    case EventType::kGtid:
    case EventType::kAnonymousGtid:
    case EventType::kGtidTagged:
      return HandleGtid(header.type, body);
    case EventType::kMariaGtid:
      return HandleMariaGtid(header, body);
    case EventType::kTableMap:
      return rows_.Map(body);
    case EventType::kWriteRowsV1:
    case EventType::kUpdateRowsV1:
    case EventType::kDeleteRowsV1:
    case EventType::kWriteRows:
    case EventType::kUpdateRows:
    case EventType::kDeleteRows:
    case EventType::kPartialUpdateRows:
    case EventType::kMariaWriteRowsCompressedV1:
    case EventType::kMariaUpdateRowsCompressedV1:
    case EventType::kMariaDeleteRowsCompressedV1:
    case EventType::kMariaWriteRowsCompressed:
    case EventType::kMariaUpdateRowsCompressed:
    case EventType::kMariaDeleteRowsCompressed:
      return HandleRows(header, body);
    case EventType::kTransactionPayload:
      if (payload_) {  // no server nests them, and this one's bytes would not stay
        Refuse("EVENT_DAMAGED", "a compressed transaction holds another one",
               "the event was damaged, or is of a form Godwit does not know",
               "check the file with mysqlbinlog --verify-binlog-checksum");
      }
      payload_ = std::make_unique<PayloadReader>(body);
      return;
    case EventType::kXaPrepare:
      return HandleXaPrepare(header, body);
    default:
      return HandleRest(header, body);
  }
}

void BinlogDecoder::HandleRest(const EventHeader& header, std::string_view body) {
  switch (header.type) {
    case EventType::kRotate:
      return HandleRotate(header, body);
    case EventType::kFormatDescription:
      rows_.ForgetMaps();
      return IdentifyFile(header);
    case EventType::kPreviousGtids:
      if (tracks_gtids_) return;
      gtids_ = GtidSet::Decode(body);
      tracks_gtids_ = true;
      position_.gtids = gtids_.ToString();
      return;
    case EventType::kHeartbeat:
    case EventType::kHeartbeatV2:
      return EmitHeartbeat(header);
    case EventType::kIncident:
      Refuse("LOG_INCIDENT", "the source lost changes before they reached its binary log",
             "the server wrote an INCIDENT event: its log has a gap here",
             "repair the source; release the project, empty its tables at the destination, and "
             "migrate again");
    case EventType::kMariaStartEncryption:
      if ((header.flags & kFlagIgnorable) != 0) return;  // the server has decrypted what follows
      Refuse("LOG_ENCRYPTED", "the source sends its binary log encrypted",
             "the server passed its encryption on to the reader",
             "switch encrypt_binlog off or let the server decrypt for its replicas");
    case EventType::kStop:
    case EventType::kIntvar:
    case EventType::kRand:
    case EventType::kUserVar:
    case EventType::kBeginLoadQuery:
    case EventType::kIgnorable:
    case EventType::kRowsQuery:
    case EventType::kTransactionContext:
    case EventType::kViewChange:
    case EventType::kMariaAnnotateRows:
    case EventType::kMariaBinlogCheckpoint:
    case EventType::kMariaGtidList:
      return;
    default:
      if ((header.flags & kFlagIgnorable) != 0) return;
      Refuse("EVENT_UNKNOWN",
             fmt::format("the binary log holds an event of type {}, which Godwit does not know",
                         static_cast<int>(header.type)),
             "the server is newer than this Godwit, or the event belongs to a plugin",
             "use a newer Godwit");
  }
}

void BinlogDecoder::HandleGtid(EventType type, std::string_view body) {
  GtidEvent gtid = GtidEvent::Parse(type, body);
  // No server gives a number twice, unless it has forgotten the first one.
  if (tracks_gtids_ && gtid.number != 0 && gtids_.Contains(gtid.source, gtid.number)) {
    RefuseReset(fmt::format("the transaction {}:{} comes a second time", gtid.source, gtid.number));
  }
  if (gtid.number != 0) CheckOrder(gtid);
  Start();
  has_place_ = true;
  group_->gtid_source = gtid.source;
  group_->gtid_number = gtid.number;
  group_->commit_time_us = gtid.commit_time_us;
  if (!gtid.source.empty()) group_->id = fmt::format("{}:{}", gtid.source, gtid.number);
}

// Behind the first place that is read at this server, all places are this server's: what was read
// at the old one, and comes again since a transaction was prepared there, would count as new.
void BinlogDecoder::CheckOrder(const GtidEvent& gtid) {
  if (awaited_gtids_.empty()) return;
  if (gtids_.Contains(awaited_gtids_)) {
    awaited_gtids_ = {};
  } else if (!awaited_gtids_.Contains(gtid.source, gtid.number)) {
    Refuse("LOG_REORDERED",
           fmt::format("{}:{} comes before transactions that were read at the old server",
                       gtid.source, gtid.number),
           "this server has them in another order, and an XA transaction was prepared",
           "connect to the old server, or to a replica that wrote nothing of its own; else release "
           "the project, empty its tables at the destination, and migrate again");
  }
}

// MariaDB's own stands in place of BEGIN.
void BinlogDecoder::HandleMariaGtid(const EventHeader& header, std::string_view body) {
  MariaGtidEvent gtid = MariaGtidEvent::Parse(body);
  const DomainGtid id{gtid.domain, header.server_id, gtid.number};
  Reach(id);
  Start();
  group_->id = id.ToString();
  group_->domain_gtid = id;
  group_->is_void = gtid.is_open_alter;
  if (!gtid.is_standalone && !gtid.completes_xa) Begin(header);
}

// Domains lie in another order in every server's log: a place in this one has all behind it that
// was read elsewhere until each domain has come to what is new.
void BinlogDecoder::Reach(const DomainGtid& gtid) {
  has_place_ = true;
  if (awaited_.erase(gtid.domain) == 0) return;
  if (domain_gtids_.HasPassed(gtid)) {
    RefuseReset(fmt::format("the transaction {} comes behind {}", gtid.ToString(),
                            domain_gtids_.ToString()));
  }
  if (!awaited_.empty()) return;
  position_.server.pop_back();
  event_start_.server = position_.server;
}

void BinlogDecoder::HandleRotate(const EventHeader& header, std::string_view body) {
  ByteReader in(body, "a ROTATE event");
  uint64_t offset = in.U64();
  std::string file(in.Rest());
  if (has_file_ && Compare({.file = file, .offset = offset},
                           {.file = position_.file, .offset = position_.offset}) < 0) {
    RefuseReset(fmt::format("{}:{} follows {}:{}", file, offset, position_.file, position_.offset));
  }
  has_file_ = true;
  // Transactions do not cross files: one that is open here was cut off by a crash.
  if (group_ && file != position_.file) {
    group_->gtid_number = 0;  // it may be given to another
    group_->domain_gtid.reset();
    End(header, Fragment::Kind::kRollback);
  }
  if (file != position_.file) position_.file_id = 0;
  position_.file = std::move(file);
  position_.offset = offset;
  event_start_ = position_;
}

// A file's first event comes at every connection, wherever that starts. Its header keeps the time
// at which the file was begun, and the server; what its body says of that is cleared on the way.
void BinlogDecoder::IdentifyFile(const EventHeader& header) {
  if (header.time == 0) return;
  const uint64_t id = uint64_t{header.time} << 32 | header.server_id;
  for (const BinlogPosition* read : {&std::as_const(position_), &known_}) {
    const bool is_this = read->server == position_.server && read->file == position_.file;
    if (!is_this || read->file_id == 0 || read->file_id == id) continue;
    Refuse("LOG_RESET",
           fmt::format("{} is not the file of that name that was read", position_.file),
           "the source's log was reset (RESET MASTER), or this is another server",
           "connect to the server that was read before, or start a new project");
  }
  if (position_.file_id == id) return;
  position_.file_id = id;
  EmitHeartbeat(header);  // it is to be known however short the run is
}

void BinlogDecoder::HandleRows(const EventHeader& header, std::string_view body) {
  rows_.Decode(header.type, body, changes_);
  while (!changes_.empty()) {
    Begin(header);
    Emit(header, Fragment::Kind::kRows).rows = std::move(changes_.front());
    changes_.pop_front();
  }
}

void BinlogDecoder::HandleXaPrepare(const EventHeader& header, std::string_view body) {
  XaPrepareEvent xa = XaPrepareEvent::Parse(body);
  if (xa.is_one_phase) return End(header, Fragment::Kind::kCommit);
  // It waits for its XA COMMIT; until then a reader must start again before it.
  if (!group_) return;
  Group group = *group_;
  Close();
  if (group.is_begun) prepared_[xa.xid] = std::move(group);
  EmitHeartbeat(header);
}

void BinlogDecoder::CompleteXa(const EventHeader& header, const std::string& xid,
                               Fragment::Kind kind) {
  auto found = prepared_.find(xid);
  if (found == prepared_.end()) {
    Close();
    // One that ended before the others which the reader has to begin again with, is known whole.
    const bool is_known = Compare(position_, known_) <= 0;
    if (is_known || kind == Fragment::Kind::kRollback) return EmitHeartbeat(header);
    Refuse("XA_UNKNOWN",
           fmt::format("the XA transaction {} is committed, but its changes came before the start",
                       xid),
           "it was prepared before Godwit began to read",
           "release the project, empty its tables at the destination, and migrate again while no "
           "XA transaction is prepared (XA RECOVER shows them)");
  }
  if (!group_) Start();
  group_->id = found->second.id;
  group_->is_begun = true;
  prepared_.erase(found);
  End(header, kind);
}

void BinlogDecoder::Start() {
  if (group_ && group_->is_begun) {
    EventHeader header;
    Emit(header, Fragment::Kind::kRollback);
  }
  group_ = Group{.start = event_start_,
                 .id = fmt::format("{}:{}", event_start_.file, event_start_.offset)};
}

Fragment& BinlogDecoder::Emit(const EventHeader& header, Fragment::Kind kind) {
  Fragment& fragment = ready_.emplace_back();
  fragment.kind = kind;
  fragment.source_time_us = header.time * kMicros;
  if (group_) {
    fragment.transaction = group_->id;
    if (group_->commit_time_us != 0) fragment.source_time_us = group_->commit_time_us;
  }
  return fragment;
}

void BinlogDecoder::Begin(const EventHeader& header) {
  if (!group_) Start();
  if (group_->is_begun) return;
  group_->is_begun = true;
  Emit(header, Fragment::Kind::kBegin);
}

// The group is over: what was executed grows by its GTID.
void BinlogDecoder::Close() {
  if (group_ && tracks_gtids_ && group_->gtid_number != 0) {
    gtids_.Add(group_->gtid_source, group_->gtid_number);
    position_.gtids = gtids_.ToString();
  }
  if (group_ && tracks_gtids_ && group_->domain_gtid) {
    domain_gtids_.Add(*group_->domain_gtid);
    position_.gtids = domain_gtids_.ToString();
  }
  group_.reset();
}

void BinlogDecoder::End(const EventHeader& header, Fragment::Kind kind) {
  if (!group_ || !group_->is_begun) {
    Close();
    return EmitHeartbeat(header);
  }
  Emit(header, kind);
  Close();
  if (kind == Fragment::Kind::kRollback) return EmitHeartbeat(header);
  Fragment& fragment = ready_.back();
  fragment.position = position_.Encode();
  fragment.restart = RestartPosition();
}

// The server's own say no time: there is nothing until now. Others stand for an event that was
// passed over, in a log that may be hours old.
void BinlogDecoder::EmitHeartbeat(const EventHeader& header) {
  if (group_) return;
  Fragment& fragment = Emit(header, Fragment::Kind::kHeartbeat);
  const bool is_idle =
      header.type == EventType::kHeartbeat || header.type == EventType::kHeartbeatV2;
  if (is_idle) fragment.source_time_us = 0;
  if (!has_place_) return;
  fragment.position = position_.Encode();
  fragment.restart = RestartPosition();
}

Position BinlogDecoder::RestartPosition() const {
  const BinlogPosition* first = &position_;
  for (const auto& [xid, group] : prepared_) {
    if (Compare(group.start, *first) < 0) first = &group.start;
  }
  return first->Encode();
}

// What follows would look like something already read, and be dropped.
void BinlogDecoder::RefuseReset(const std::string& sign) const {
  Refuse("LOG_RESET", "the source's binary log began anew: " + sign,
         "RESET BINARY LOGS or RESET MASTER was run at the source: changes may be missing",
         "start a new project");
}

void BinlogDecoder::Refuse(std::string code, std::string message, std::string cause,
                           std::string remedy) const {
  throw Error(
      {.code = std::move(code),
       .kind = ErrorKind::kBlocked,
       .side = Side::kSource,
       .object = source_.object,
       .message = fmt::format("{} (at {}:{})", message, event_start_.file, event_start_.offset),
       .cause = std::move(cause),
       .remedy = std::move(remedy)});
}

}  // namespace godwit::mysql
