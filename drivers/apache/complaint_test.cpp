// Which of Apache's lines says why it does not run.
#include "drivers/apache/complaint.hpp"

#include <catch2/catch.hpp>

using namespace genesis;

TEST_CASE("of what Apache prints where it does not start, the cause is taken and what follows from it left") {
    std::vector<std::string> const printed{
        "Setting ulimit failed. See README.Debian for more information.",
        "AH00558: apache2: Could not reliably determine the server's fully qualified domain name",
        "(98)Address already in use: AH00072: make_sock: could not bind to address [::]:80",
        "no listening sockets available, shutting down", "AH00015: Unable to open logs"};
    CHECK(complaint(printed, "", {}) == printed[2]);
    CHECK(complaint({printed[0], printed[1], printed[4]}, "", {}).empty());
    CHECK(complaint({}, "", {}).empty());
}

TEST_CASE("of Apache's error log what it says of itself counts, not what its sites' visitors made it say") {
    std::string const visitor =
        "[Fri Nov 27 02:40:47 2026] [core:error] [pid 8:tid 9] AH00126: Invalid URI in request\n";
    std::string const own =
        "[Fri Nov 27 02:40:48 2026] [ssl:emerg] [pid 7:tid 7] AH02572: Failed to configure at least one certificate\n"
        "[Fri Nov 27 02:40:48 2026] [:emerg] [pid 7:tid 7] AH00016: Configuration Failed\n";
    std::string const log =
        "[Fri Nov 27 02:40:48 2026] [core:error] [pid 7:tid 7] (2)No such file or directory: "
        "AH00091: could not open error log file /x.\n";
    CHECK(complaint({}, visitor + own, {}) == "AH02572: Failed to configure at least one certificate");
    CHECK(complaint({}, visitor + log, 7) ==
          "(2)No such file or directory: AH00091: could not open error log file /x.");
    CHECK(complaint({}, visitor, 7).empty());
}
