// Sleeping until a word changes, straight on the Linux system call: one word of memory, no lock,
// and no call at all while nobody sleeps. Waits may end without cause; callers look again.
#pragma once
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace spar {

static_assert(sizeof(std::atomic<uint32_t>) == 4, "the kernel looks at four bytes");

// Sleeps while *word == seen.
inline void futex_wait(std::atomic<uint32_t>* word, uint32_t seen) {
  syscall(SYS_futex, static_cast<void*>(word), FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

// Wakes at most `count` threads that sleep on the word.
inline void futex_wake(std::atomic<uint32_t>* word, int32_t count) {
  syscall(SYS_futex, static_cast<void*>(word), FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

}  // namespace spar
