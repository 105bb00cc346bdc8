// Values put into sd-bus's messages.
#include "drivers/host/bus_message.hpp"

#include <cstring>

namespace genesis::host {

namespace {

// fill() puts what is in the container.
template <class F>
void put_container(sd_bus_message* message, char type, char const* contents, F const& fill) {
    need(sd_bus_message_open_container(message, type, contents), "message");
    fill();
    need(sd_bus_message_close_container(message), "message");
}
void put_text(sd_bus_message* message, std::string const& text) {
    need(sd_bus_message_append_basic(message, 's', text.c_str()), "message");
}
template <class F>
void put_property(sd_bus_message* message, std::string const& name, char const* type, F const& fill) {
    put_container(message, 'r', "sv", [&] {
        put_text(message, name);
        put_container(message, 'v', type, fill);
    });
}

void put_property(sd_bus_message* message, std::string const& name, TransientService::Value const& value) {
    if (auto const* text = std::get_if<std::string>(&value)) {
        put_property(message, name, "s", [&] { put_text(message, *text); });
    } else if (auto const* truth = std::get_if<bool>(&value)) {
        int const number = *truth ? 1 : 0;
        put_property(message, name, "b", [&] { need(sd_bus_message_append_basic(message, 'b', &number), "message"); });
    } else if (auto const* number = std::get_if<std::uint64_t>(&value)) {
        put_property(message, name, "t", [&] { need(sd_bus_message_append_basic(message, 't', number), "message"); });
    } else {
        put_property(message, name, "as", [&] { put(message, std::get<std::vector<std::string>>(value)); });
    }
}

// Without "no-env-expand" systemd would replace $NAME in an argument.
void put_program(sd_bus_message* message, std::vector<std::string> const& argv) {
    put_property(message, "ExecStartEx", "a(sasas)", [&] {
        put_container(message, 'a', "(sasas)", [&] {
            put_container(message, 'r', "sasas", [&] {
                put_text(message, argv.at(0));
                put(message, argv);
                put(message, {"no-env-expand"});
            });
        });
    });
}

}  // namespace

int need(int result, std::string const& what) {
    if (result < 0) throw Fault("systemd: " + what + ": " + std::strerror(-result));
    return result;
}

void put(sd_bus_message* message, std::vector<std::string> const& texts) {
    put_container(message, 'a', "s", [&] {
        for (auto const& text : texts) put_text(message, text);
    });
}

void put_service(sd_bus_message* message, TransientService const& service) {
    put_text(message, service.unit);
    put_text(message, "fail");
    put_container(message, 'a', "(sv)", [&] {
        for (auto const& [name, value] : service.properties) put_property(message, name, value);
        put_program(message, service.argv);
    });
    put_container(message, 'a', "(sa(sv))", [] {});
}

}  // namespace genesis::host
