// What a machine has of systemd: the slice that bounds an account's processes.
#pragma once
#include "resources/schema/codec.hpp"

namespace genesis {

// "genesis-<account>": the key of an account's slice.
inline std::string slice_name(AccountName const& account) { return "genesis-" + account.str(); }

struct Slice {
    UnitName name;
    std::int64_t cpu_percent = 0, memory_mib = 0, tasks = 0;
    std::string file = "intact";
};
template <>
struct Describe<Slice> {
    static constexpr std::string_view kind = "slice", doc = "The systemd slice of an account; 0 is no limit.";
    static constexpr auto fields = std::tuple{
        field("name", &Slice::name, "Unit name without .slice: genesis-<account>.", Attribute::key | Attribute::fixed),
        field("cpu_percent", &Slice::cpu_percent, "CPUQuota=, percent of one core.", Attribute::none,
              {.min = 0, .max = 100000}),
        field("memory_mib", &Slice::memory_mib, "MemoryMax=, MiB.", Attribute::none, {.min = 0, .max = 1 << 24}),
        field("tasks", &Slice::tasks, "TasksMax=, processes and threads.", Attribute::none, {.min = 0, .max = 1 << 22}),
        field("file", &Slice::file, "\"intact\", or what is wrong with the unit file."),
    };
};

}  // namespace genesis
