// SPDX-License-Identifier: Apache-2.0
#include "project/state_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/error.h"

namespace godwit {
namespace {

[[noreturn]] void FailDirectory(const std::string& path, std::string_view why) {
  throw Error({.code = "STATE_DIRECTORY_UNUSABLE",
               .kind = ErrorKind::kBlocked,
               .object = path,
               .message = fmt::format("{}: {}", path, why),
               .cause = "the directory for Godwit's state cannot be made or written",
               .remedy = "check its owner and mode, or name another by --state-dir"});
}

void MakeDirectory(const std::string& path) {
  std::error_code failure;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failure);
  if (failure) FailDirectory(path, failure.message());
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) FailDirectory(path, strerror(errno));
}

int OpenLock(const std::string& directory, int flags) {
  return open((directory + "/lock").c_str(), flags | O_CLOEXEC, 0600);
}

// Of the open file, not of the process: closing another descriptor of it does not give it back.
struct flock WholeFile() {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

pid_t ReadOwner(int fd) {
  char text[32] = {};
  if (pread(fd, text, sizeof(text) - 1, 0) <= 0) return 0;
  return static_cast<pid_t>(std::atol(text));
}

}  // namespace

std::string StateDirectory::Default() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    return std::string(state) + "/godwit";
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == '\0') {
    const passwd* user = getpwuid(getuid());
    home = user == nullptr ? "/" : user->pw_dir;
  }
  return std::string(home) + "/.local/state/godwit";
}

StateDirectory::StateDirectory(std::string path) : path_(std::move(path)) {
  std::error_code failure;
  path_ = std::filesystem::absolute(path_, failure).string();
  while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
  MakeDirectory(path_);
  if (access(path_.c_str(), W_OK | X_OK) != 0) FailDirectory(path_, strerror(errno));
}

ProjectLock::ProjectLock(const std::string& directory) {
  MakeDirectory(directory);
  fd_ = OpenLock(directory, O_RDWR | O_CREAT);
  if (fd_ < 0) FailDirectory(directory, strerror(errno));
  struct flock lock = WholeFile();
  if (fcntl(fd_, F_OFD_SETLK, &lock) != 0) {
    const pid_t owner = ReadOwner(fd_);
    close(fd_);
    throw Error(
        {.code = "PROJECT_BUSY",
         .kind = ErrorKind::kBlocked,
         .object = std::filesystem::path(directory).filename().string(),
         .message = fmt::format("process {} runs this project", owner),
         .cause = "a project is run by one process at a time",
         .remedy = fmt::format("let it work and look at it by 'godwit project show', or end "
                               "process {} (Ctrl-C or SIGTERM) and try again",
                               owner)});
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd_, 0) != 0 ||
      pwrite(fd_, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    const int cause = errno;
    close(fd_);
    FailDirectory(directory, strerror(cause));
  }
}

ProjectLock::~ProjectLock() { close(fd_); }

std::optional<pid_t> ProjectLock::Owner(const std::string& directory) {
  const int fd = OpenLock(directory, O_RDWR);
  if (fd < 0) return {};
  std::optional<pid_t> owner;
  struct flock lock = WholeFile();
  if (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) owner = ReadOwner(fd);
  close(fd);
  return owner;
}

}  // namespace godwit
