// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

// Clang's thread-safety analysis; empty for other compilers.
#if defined(__clang__)
#define GODWIT_TSA(x) __attribute__((x))
#else
#define GODWIT_TSA(x)
#endif
#define GUARDED_BY(x) GODWIT_TSA(guarded_by(x))
#define REQUIRES_LOCK(x) GODWIT_TSA(requires_capability(x))

namespace godwit {

// std::mutex with the annotations libstdc++'s lacks.
class GODWIT_TSA(capability("mutex")) Mutex {
 public:
  void lock() GODWIT_TSA(acquire_capability()) { mutex_.lock(); }
  void unlock() GODWIT_TSA(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class GODWIT_TSA(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) GODWIT_TSA(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.lock();
  }
  ~MutexLock() GODWIT_TSA(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  // For CondVar only.
  void lock() GODWIT_TSA(no_thread_safety_analysis) { mutex_.lock(); }
  void unlock() GODWIT_TSA(no_thread_safety_analysis) { mutex_.unlock(); }

 private:
  Mutex& mutex_;
};

using CondVar = std::condition_variable_any;

}  // namespace godwit
