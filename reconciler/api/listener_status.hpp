// The addresses that the API listens on, and those it cannot listen on.
#pragma once
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace genesis {

// Thread-safe. Addresses are written like "https://0.0.0.0:8443".
class ListenerStatus {
public:
    void opened(std::string const& address) {
        std::lock_guard const lock(mutex_);
        open_.push_back(address);
        failed_.erase(address);
    }
    // True if the address had not failed for this reason before.
    bool failed(std::string const& address, std::string const& why) {
        std::lock_guard const lock(mutex_);
        auto& known = failed_[address];
        if (known == why) return false;
        known = why;
        return true;
    }
    [[nodiscard]] std::vector<std::string> open() const {
        std::lock_guard const lock(mutex_);
        return open_;
    }
    // One sentence each.
    [[nodiscard]] std::vector<std::string> problems() const {
        std::lock_guard const lock(mutex_);
        std::vector<std::string> out;
        for (auto const& [address, why] : failed_) out.push_back("not listening at " + address + ": " + why);
        return out;
    }

private:
    std::mutex mutable mutex_;
    std::vector<std::string> open_;
    std::map<std::string, std::string> failed_;
};

}  // namespace genesis
