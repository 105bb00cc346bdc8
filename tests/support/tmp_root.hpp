// A directory of one test, removed with everything in it at the end.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace genesis::test {

class TmpRoot {
public:
    TmpRoot() {
        std::string name = (std::filesystem::temp_directory_path() / "genesis-test-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
        path_ = name;
    }
    ~TmpRoot() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TmpRoot(TmpRoot const&) = delete;
    TmpRoot& operator=(TmpRoot const&) = delete;
    [[nodiscard]] std::string const& path() const { return path_; }
    [[nodiscard]] std::string operator/(std::string const& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

}  // namespace genesis::test
