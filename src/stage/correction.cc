// SPDX-License-Identifier: Apache-2.0
#include "stage/correction.h"

#include <algorithm>

#include "base/crash_point.h"

namespace godwit {

namespace {

constexpr size_t kKeysPerRead = 200;

}  // namespace

Corrector::Corrector(Link& link, Capturer* capturer, Replayer* replayer, Options options)
    : link_(link),
      capturer_(capturer),
      replayer_(replayer),
      options_(std::move(options)),
      pair_(link.source, link.destination,
            {.retry = options_.retry, .on_transient = options_.on_transient}) {
  if (replayer_ != nullptr) {
    watch_ = WatchLink(link_, *capturer_, *replayer_);
  } else if (link_.spec.Has(MigrationType::kIncremental)) {
    throw Error({.code = "CORRECTION_NEEDS_REPLAY",
                 .kind = ErrorKind::kBlocked,
                 .message = "rows cannot be corrected while the project's replay stands still",
                 .cause = "the changes waiting in its log would meet rows newer than themselves",
                 .remedy = "resume the project and let it correct while it follows changes"});
  }
}

uint64_t Corrector::Correct(const ComparePlan& plan, const std::vector<KeyTuple>& keys,
                            std::stop_token stop) {
  GODWIT_CHECK(plan.has_key(), "only rows with a key are corrected");
  if (replayer_ == nullptr) {
    RowBatch rows = Read(plan, keys, stop);
    Write(plan, rows, stop);
    return rows.rows();
  }
  Replayer::Pause pause(*replayer_, stop);
  if (!watch_->Prove(stop)) {
    throw Error({.code = "CORRECTION_UNPROVED",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kSource,
                 .object = plan.name().ToString(),
                 .message = "rows cannot be corrected while changes flow",
                 .cause = "the source cannot prove that a read shows every change already replayed",
                 .remedy =
                     "grant what the start point of capture needs, or use the statements that "
                     "verification wrote"});
  }
  RowBatch rows = Read(plan, keys, stop);
  const Position end = watch_->Current();
  replayer_->DisplaceUpTo(plan.name(), capturer_->SequencePast(end, stop));
  Write(plan, rows, stop);
  return rows.rows();
}

RowBatch Corrector::Read(const ComparePlan& plan, const std::vector<KeyTuple>& keys,
                         std::stop_token stop) {
  RowBatch out;
  pair_.Source(
      [&](RowReader& reader, std::stop_token token) {
        out.Reset(plan.carried);
        RowBatch batch;
        RowBatch scratch;
        for (size_t i = 0; i < keys.size(); i += kKeysPerRead) {
          if (token.stop_requested()) throw Stopped();
          batch.Reset(plan.source.columns.size());
          reader.ReadKeys(
              plan.source,
              {keys.begin() + i, keys.begin() + std::min(i + kKeysPerRead, keys.size())}, batch);
          const RowBatch& rows = plan.Mapped(batch, scratch);
          for (size_t row = 0; row < rows.rows(); ++row) {
            for (size_t cell = 0; cell < plan.carried; ++cell) out.AddCellOf(rows, row, cell);
          }
        }
      },
      stop);
  return out;
}

void Corrector::Write(const ComparePlan& plan, const RowBatch& rows, std::stop_token stop) {
  if (rows.empty()) return;
  const WritePlan& write = plan.plan->write();
  std::vector<RowChange> changes;
  for (size_t row = 0; row < rows.rows(); ++row) {
    changes.push_back({.plan = &write, .op = ChangeOp::kInsert, .after = &rows, .after_row = row});
  }
  RetryTransient(options_.retry, stop, options_.on_transient, [&] {
    try {
      if (!sink_) {
        sink_ = link_.destination.OpenSink();
        sink_->Attach(link_.name, options_.lane, link_.epoch);
      }
      sink_->Begin({.low = replayer_ == nullptr ? 0 : replayer_->applied()}, ForeignKeys::kOff);
      sink_->Apply(changes, ApplyMode::kDisplace);
      sink_->Commit(stop);
    } catch (const Error& error) {
      sink_.reset();
      throw error.WithContext("correcting " + plan.name().ToString());
    }
  });
  CrashPoint("correction-after-apply");
}

}  // namespace godwit
