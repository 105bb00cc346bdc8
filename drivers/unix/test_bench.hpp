// A rooted world for tests of this driver: homes, logs and a user database of its own, and one pass over a record.
#pragma once
#include "drivers/unix/driver.hpp"

#include "drivers/host/test_root.hpp"

namespace genesis {

inline constexpr std::int64_t acme_uid = 59991;

struct UnixBench : host::TestRoot {
    UnixBench() {
        for (auto const* name : {"etc", "home", "log", "run", "outside", "swept"}) dir.make(name, {0, 0, 0755});
        dir.beneath("outside").write("canary", "untouched", {0, 0, 0600});
        accounts("acme:x:59991:59991:genesis:" + at("home/acme") + ":/bin/sh\n",
                 "acme:x:59991:\ngenesis-sftp:x:990:acme\n");
    }
    void accounts(std::string const& passwd, std::string const& group,
                  std::string const& shadow = "acme:!*:1::::::\n") const {
        auto const etc = dir.beneath("etc");
        etc.write("passwd", "root:x:0:0:root:/root:/bin/bash\n" + passwd, {0, 0, 0644});
        etc.write("group", "root:x:0:\n" + group, {0, 0, 0644});
        etc.write("shadow", "root:*:1::::::\n" + shadow, {0, 0, 0640});
    }
    [[nodiscard]] Directory directory(std::string const& name, std::int64_t uid = acme_uid,
                                      std::string const& mode = "0755") const {
        Directory d;
        d.path = AbsolutePath(at(name));
        d.owner = AccountName("acme");
        d.uid = d.gid = uid;
        d.mode = FileMode(mode);
        return d;
    }
    [[nodiscard]] UnixUser user() const {
        UnixUser u;
        u.name = AccountName("acme");
        u.uid = acme_uid;
        u.home = AbsolutePath(at("home/acme"));
        u.login = Login::sftp;
        u.shell = "/bin/sh";
        return u;
    }
    [[nodiscard]] AuthorizedKeys keys(std::vector<SshKey> keys = {}) const {
        AuthorizedKeys k;
        k.owner = AccountName("acme");
        k.uid = acme_uid;
        k.home = AbsolutePath(at("home/acme"));
        k.keys = std::move(keys);
        return k;
    }
    template <class V>
    std::optional<V> see(std::string const& key) {
        auto seen = driver.observe(Of<V>{}, Scope{{key}}, context);
        return seen.found.empty() ? std::nullopt : std::optional<V>(seen.found.front());
    }
    // What the engine would do about the record: nothing, a creation or an update.
    template <class V>
    Outcome pass(V const& want) {
        auto const have = see<V>(key_of(schema_of<V>(), encode(want)));
        Step<V> step{have ? Verb::update : Verb::create, want, have.value_or(V{}), {}};
        if (have) step.changes = diff(schema_of<V>(), encode(want), encode(*have));
        if (have && step.changes.empty()) return {};
        return driver.apply(std::span<Step<V> const>(&step, 1), context).front();
    }
    template <class V>
    Outcome drop(V const& have) {
        Step<V> const step{Verb::remove, V{}, have, {}};
        return driver.apply(std::span<Step<V> const>(&step, 1), context).front();
    }
    template <class V>
    bool quiet(V const& want) {
        auto const have = see<V>(key_of(schema_of<V>(), encode(want)));
        return have && diff(schema_of<V>(), encode(want), encode(*have)).empty();
    }
    [[nodiscard]] bool untouched() const {
        return dir.beneath("outside").read("canary")->bytes == "untouched" &&
               host::owner_at(at("outside/canary")) == "0600 0:0" && host::owner_at(at("outside")) == "0755 0:0" &&
               dir.beneath("outside").list().size() == 1;
    }

    UnixDriver driver{NodeLayout{.homes = at("home"), .logs = at("log"), .run = at("run"), .passwd = at("etc")},
                      UnixSettings{.sweep = {AbsolutePath(at("swept"))}}};
};

}  // namespace genesis
