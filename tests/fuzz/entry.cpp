// The entry point of libFuzzer; which target stands behind it is chosen when it is built.
#include "tests/fuzz/fuzz.hpp"

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* bytes, std::size_t size) {
    genesis::fuzz::GENESIS_FUZZ_TARGET({reinterpret_cast<char const*>(bytes), size});
    return 0;
}
