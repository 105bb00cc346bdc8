// An engine for tests of the API: returns what the test sets and records its calls.
#pragma once
#include "reconciler/api/engine.hpp"

#include <atomic>
#include <mutex>

namespace genesis {

struct FakeEngine final : Engine {
    std::mutex mutex;
    std::vector<std::string> calls;  // "wake account/acme", "plan", "preview account/acme 20000" …
    Plan next_plan;
    std::map<std::string, Truth> ready;  // object → status of its ready condition
    std::vector<RecordStatus> records;
    std::vector<std::string> reasons;
    bool stopping = false;
    bool held = false;  // plans wait until release()
    std::vector<std::promise<Plan>> waiting;
    std::optional<std::string> version;            // of status; nothing: unknown
    std::map<std::string, std::int64_t> observed;  // generations; by default the stored one
    std::optional<Object> previewed;
    std::atomic<int> status_calls = 0;

    void wake(Ref const& object) override { note("wake " + object.str()); }
    void wake_all() override { note("wake_all"); }
    std::future<Plan> plan(std::optional<Ref> const& object) override {
        note("plan" + (object ? " " + object->str() : ""));
        return answer();
    }
    std::future<Plan> preview(Object const& object) override {
        note("preview " + object.ref.str() + (object.terminating ? " removed" : ""));
        {
            std::lock_guard const lock(mutex);
            previewed = object;
        }
        return answer();
    }
    Status status(Object const& object) override {
        ++status_calls;
        auto const it = ready.find(object.ref.str());
        std::vector<Condition> conditions;
        if (it != ready.end())
            conditions.push_back({ConditionType::ready, it->second, ConditionReason::none, "", 0, ""});
        auto const seen = observed.find(object.ref.str());
        auto const generation = seen != observed.end() ? seen->second : object.generation;
        return {generation, std::move(conditions), records, {}};
    }
    std::optional<std::string> status_version() override { return version; }
    std::vector<std::string> not_ready() override { return reasons; }

    [[nodiscard]] std::string last() {
        std::lock_guard const lock(mutex);
        return calls.empty() ? "" : calls.back();
    }

    void release() {
        std::lock_guard const lock(mutex);
        held = false;
        for (auto& promise : waiting) promise.set_value(next_plan);
        waiting.clear();
    }

private:
    void note(std::string what) {
        std::lock_guard const lock(mutex);
        calls.push_back(std::move(what));
    }
    std::future<Plan> answer() {
        std::lock_guard const lock(mutex);
        if (held) return waiting.emplace_back().get_future();
        std::promise<Plan> promise;
        if (stopping) {
            promise.set_exception(std::make_exception_ptr(Fault("the loop is stopping")));
        } else {
            promise.set_value(next_plan);
        }
        return promise.get_future();
    }
};

}  // namespace genesis
