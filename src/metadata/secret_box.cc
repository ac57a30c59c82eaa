// SPDX-License-Identifier: Apache-2.0
#include "metadata/secret_box.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/error.h"

namespace godwit {
namespace {

[[noreturn]] void FailKey(const std::string& file, std::string_view why) {
  throw Error({.code = "SECRET_KEY_UNREADABLE",
               .kind = ErrorKind::kBlocked,
               .object = file,
               .message = fmt::format("key file {}: {}", file, why),
               .cause = "the key that seals the stored passwords cannot be used",
               .remedy = "restore the file (32 bytes, mode 0600); without it remove it and add the "
                         "data sources again"});
}

// Written whole under another name first: two processes that start at once end with one key.
void MakeKey(const std::string& file) {
  unsigned char key[crypto_secretbox_KEYBYTES];
  crypto_secretbox_keygen(key);
  const std::string draft = fmt::format("{}.{}", file, getpid());
  const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) FailKey(file, strerror(errno));
  const bool written =
      write(fd, key, sizeof(key)) == static_cast<ssize_t>(sizeof(key)) && fsync(fd) == 0;
  const int cause = errno;
  close(fd);
  sodium_memzero(key, sizeof(key));
  const bool linked = written && (link(draft.c_str(), file.c_str()) == 0 || errno == EEXIST);
  const int link_cause = errno;
  unlink(draft.c_str());
  if (!written) FailKey(file, strerror(cause));
  if (!linked) FailKey(file, strerror(link_cause));
}

}  // namespace

SecretBox::SecretBox(std::string key_file) : key_file_(std::move(key_file)) {
  GODWIT_CHECK(sodium_init() >= 0, "libsodium finds a source of random numbers");
  struct stat status;
  if (stat(key_file_.c_str(), &status) != 0) {
    if (errno != ENOENT) FailKey(key_file_, strerror(errno));
    MakeKey(key_file_);
  }
  const int fd = open(key_file_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) FailKey(key_file_, strerror(errno));
  fstat(fd, &status);
  key_.resize(crypto_secretbox_KEYBYTES + 1);
  const ssize_t n = read(fd, key_.data(), key_.size());
  close(fd);
  if (n != crypto_secretbox_KEYBYTES) FailKey(key_file_, "is not 32 bytes long");
  if ((status.st_mode & 077) != 0) FailKey(key_file_, "others may read it (mode must be 0600)");
  key_.resize(crypto_secretbox_KEYBYTES);
}

SecretBox::~SecretBox() { sodium_memzero(key_.data(), key_.size()); }

std::string SecretBox::Seal(std::string_view secret) const {
  std::string out(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + secret.size(), '\0');
  auto* bytes = reinterpret_cast<unsigned char*>(out.data());
  randombytes_buf(bytes, crypto_secretbox_NONCEBYTES);
  crypto_secretbox_easy(bytes + crypto_secretbox_NONCEBYTES,
                        reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), bytes,
                        reinterpret_cast<const unsigned char*>(key_.data()));
  return out;
}

std::string SecretBox::Unseal(std::string_view sealed) const {
  constexpr size_t kOverhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
  std::string out(sealed.size() - std::min(sealed.size(), kOverhead), '\0');
  const auto* bytes = reinterpret_cast<const unsigned char*>(sealed.data());
  if (sealed.size() < kOverhead ||
      crypto_secretbox_open_easy(reinterpret_cast<unsigned char*>(out.data()),
                                 bytes + crypto_secretbox_NONCEBYTES,
                                 sealed.size() - crypto_secretbox_NONCEBYTES, bytes,
                                 reinterpret_cast<const unsigned char*>(key_.data())) != 0) {
    throw Error({.code = "SECRET_UNREADABLE",
                 .kind = ErrorKind::kBlocked,
                 .object = key_file_,
                 .message = "a stored password cannot be opened with the key of this state "
                            "directory",
                 .cause = "the key file was replaced, or the stored secret is damaged",
                 .remedy = "restore the key file, or add the data source again"});
  }
  return out;
}

}  // namespace godwit
