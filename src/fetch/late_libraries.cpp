#include "fetch/late_libraries.h"

#include <dlfcn.h>

#include "base/error.h"

namespace thimble {
namespace {

// Never unloaded: what it holds may be in use until the process ends.
class Library {
 public:
  Library(const char* name, const char* package) : name_(name), handle_(::dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) {
      const char* reason = ::dlerror();
      fail(ExitCode::failed, "{} cannot be loaded: {}; fetching needs the package {}", name, printable(reason),
           package);
    }
  }

  template <class F>
  void find(const char* symbol, F*& function) const {
    function = reinterpret_cast<F*>(::dlsym(handle_, symbol));
    if (function == nullptr)
      fail(ExitCode::failed, "{} has no {}: it is not the library that this program needs", name_, symbol);
  }

 private:
  const char* name_;
  void* handle_;
};

CurlLibrary load_curl() {
  const Library library("libcurl.so.4", "libcurl4");
  CurlLibrary curl{};
  library.find("curl_global_init", curl.global_init);
  library.find("curl_global_cleanup", curl.global_cleanup);
  library.find("curl_easy_init", curl.easy_init);
  library.find("curl_easy_cleanup", curl.easy_cleanup);
  library.find("curl_easy_reset", curl.easy_reset);
  library.find("curl_easy_setopt", curl.easy_setopt);
  library.find("curl_easy_perform", curl.easy_perform);
  library.find("curl_easy_getinfo", curl.easy_getinfo);
  library.find("curl_easy_strerror", curl.easy_strerror);
  library.find("curl_slist_append", curl.slist_append);
  library.find("curl_slist_free_all", curl.slist_free_all);
  library.find("curl_url", curl.url);
  library.find("curl_url_cleanup", curl.url_cleanup);
  library.find("curl_url_get", curl.url_get);
  library.find("curl_url_set", curl.url_set);
  library.find("curl_free", curl.free);
  return curl;
}

DigestLibrary load_digest() {
  const Library library("libcrypto.so.3", "libssl3");
  DigestLibrary digest{};
  library.find("EVP_MD_CTX_new", digest.context_new);
  library.find("EVP_MD_CTX_free", digest.context_free);
  library.find("EVP_sha256", digest.sha256);
  library.find("EVP_DigestInit_ex", digest.init);
  library.find("EVP_DigestUpdate", digest.update);
  library.find("EVP_DigestFinal_ex", digest.final);
  return digest;
}

}  // namespace

const CurlLibrary& curl_library() {
  static const CurlLibrary library = load_curl();  // immutable after construction
  return library;
}

const DigestLibrary& digest_library() {
  static const DigestLibrary library = load_digest();  // immutable after construction
  return library;
}

}  // namespace thimble
