// Owners of OpenSSL's objects, and what its last error was.
#pragma once
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace genesis::host {

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* p) const {
        Free(p);
    }
};
using BioPtr = std::unique_ptr<BIO, Freed<&BIO_free>>;
using CertificatePtr = std::unique_ptr<X509, Freed<&X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<&EVP_PKEY_free>>;
using NumberPtr = std::unique_ptr<BIGNUM, Freed<&BN_free>>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Freed<&X509_EXTENSION_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, Freed<&GENERAL_NAMES_free>>;
using ServerPtr = std::unique_ptr<SSL_CTX, Freed<&SSL_CTX_free>>;
using ConnectionPtr = std::unique_ptr<SSL, Freed<&SSL_free>>;

// Takes it off the thread's queue of errors.
inline std::string openssl_error() {
    auto const code = ERR_peek_last_error();
    auto const* const text = code != 0 ? ERR_reason_error_string(code) : nullptr;
    ERR_clear_error();
    return text != nullptr ? text : "OpenSSL does not say why";
}

}  // namespace genesis::host
