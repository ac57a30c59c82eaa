// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "connectors/mysql_family/session.h"
#include "endpoint/row_reader.h"

namespace godwit::mysql {

// Digests of rows computed by the server. A row's text is every cell followed by a comma: NULL as
// N, numbers and times as their digits (floating ones as exponent and mantissa where servers write
// them differently), text that Unicode has not as U and its bytes in hexadecimal, everything else
// as its length in bytes, a colon and its bytes; so no two rows share a text. Every server of the
// family makes the same text of equal cells of these types, which was tried on all of them; JSON
// and geometry are not among them. (Of the few texts that have two forms in their character set one
// is told from what it is in UTF-8: such rows are read.)
bool CanDigest(const ScanPlan& plan, const ServerInfo& server);

// The statement that digests the rows of `from` (with its WHERE): rows and their sum; with buckets
// > 0 one row for each bucket, its number in front. Each row's text is made once, which is most of
// the work, and its sum is a number on every server: of SHA2, whose MD5 and SHA1 not all of them
// have.
struct DigestQuery {
  std::string from;
  DigestStrength strength = DigestStrength::kCertain;
  uint32_t buckets = 0;
};
std::string DigestStatement(const ScanPlan& plan, const DigestQuery& query);

// Which of `buckets` a row falls into.
std::string BucketExpression(const ScanPlan& plan, uint32_t buckets);

// From the cells of a row of the statement, `at` and on.
Digest ParseDigest(const Row& row, size_t at);

}  // namespace godwit::mysql
