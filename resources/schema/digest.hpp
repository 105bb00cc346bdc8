// Digests and hex, written once: pure.
#pragma once
#include <string>
#include <string_view>

namespace genesis {

std::string to_hex(std::string_view bytes);  // two lower-case digits a byte
std::string sha256(std::string_view bytes);  // as to_hex() writes it; throws std::runtime_error without OpenSSL's help
std::string sha1_raw(std::string_view bytes);  // 20 bytes, for protocols that still have it; throws likewise

}  // namespace genesis
