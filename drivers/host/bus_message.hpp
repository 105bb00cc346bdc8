// What sd-bus's messages are written with: owners of its objects, and values put into a message.
#pragma once
#include "drivers/host/systemd.hpp"

#include <systemd/sd-bus.h>

namespace genesis::host {

struct Unref {
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
};
using Message = std::unique_ptr<sd_bus_message, Unref>;
using Slot = std::unique_ptr<sd_bus_slot, Unref>;

// Throws Fault where the result is an error of sd-bus.
int need(int result, std::string const& what);

void put(sd_bus_message* message, std::vector<std::string> const& texts);
// The arguments of StartTransientUnit.
void put_service(sd_bus_message* message, TransientService const& service);

}  // namespace genesis::host
