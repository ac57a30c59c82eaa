// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace godwit {

// Where everything lies that outlives a process:
//   godwit.db godwit.key godwit.log projects/NAME/{lock,control.sock,store/,…}
class StateDirectory {
 public:
  // $XDG_STATE_HOME/godwit or ~/.local/state/godwit.
  static std::string Default();
  // Makes it (mode 0700) where it is missing. Throws STATE_DIRECTORY_UNUSABLE.
  explicit StateDirectory(std::string path);

  const std::string& path() const { return path_; }
  std::string metadata() const { return path_ + "/godwit.db"; }
  std::string log() const { return path_ + "/godwit.log"; }
  std::string project(const std::string& name) const { return path_ + "/projects/" + name; }
  std::string store(const std::string& name) const { return project(name) + "/store"; }
  std::string control(const std::string& name) const { return project(name) + "/control.sock"; }

 private:
  std::string path_;
};

// The right to run one project: a file lock, so the end of the process by any cause gives it back.
class ProjectLock {
 public:
  // Makes the directory where it is missing. Throws PROJECT_BUSY with the owner's process id.
  explicit ProjectLock(const std::string& directory);
  ~ProjectLock();
  ProjectLock(const ProjectLock&) = delete;
  ProjectLock& operator=(const ProjectLock&) = delete;

  // Who holds it now; nullopt: nobody.
  static std::optional<pid_t> Owner(const std::string& directory);

 private:
  int fd_ = -1;
};

}  // namespace godwit
