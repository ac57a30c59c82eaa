// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace godwit {

// Seals secrets with the key in a file that only its owner can read. Immutable; any thread.
class SecretBox {
 public:
  // Makes the key file (mode 0600) where it is missing. Throws SECRET_KEY_UNREADABLE.
  explicit SecretBox(std::string key_file);
  ~SecretBox();
  SecretBox(const SecretBox&) = delete;
  SecretBox& operator=(const SecretBox&) = delete;

  std::string Seal(std::string_view secret) const;
  // Throws SECRET_UNREADABLE where it was sealed with another key or is damaged.
  std::string Unseal(std::string_view sealed) const;

 private:
  std::string key_file_;
  std::string key_;
};

}  // namespace godwit
