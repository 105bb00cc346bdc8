// A site as Apache's configuration, and the record back from its first line.
#pragma once
#include "drivers/apache/kinds.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace genesis {

struct CertificatePaths {
    std::string chain, key;
};
CertificatePaths certificate_paths(std::string const& tls_root, Domain const& certificate);

// "<domain>.conf", and "~<domain>.conf" for a site with a wildcard alias: Apache gives a name to the first host that
// matches it, in the order of file names, and a wildcard must not take what another site asks for by name.
std::string site_file_name(Site const& site);

// How many log files Apache holds open for it.
std::size_t log_count(Site const& site);

// The first line holds the record without what is only observed; equal records give equal bytes.
std::string render_site(Site const& site, std::string const& tls_root);
std::string site_header(Site const& site);
// Nothing when the first line is not one of ours.
std::optional<Site> read_site(std::string_view bytes);

}  // namespace genesis
