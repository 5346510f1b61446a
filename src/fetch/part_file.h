// What has come so far of a file that is being fetched: "<path>.part", and beside it "<path>.part.json", which says of which
// object. Only bytes that are known to be on the disk are gone on from, so that neither a kill nor a power cut can leave
// wrong ones in the middle. The final name appears by one rename, when everything is there.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_handle.h"
#include "fetch/digest.h"

namespace thimble {

// Which object the bytes belong to.
struct PartIdentity {
  std::string url;
  std::string validator;  // strong ETag or Last-Modified, for If-Range; empty where the server gave none
  std::string sha256;     // lower case; empty where it is not known
  uint64_t size = 0;      // of the whole object
};

class PartFile {
 public:
  // Opens or makes the part of `final_path`, with what is kept of an earlier run. Throws Error(failed).
  explicit PartFile(std::string final_path);
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  ~PartFile();  // what has come stays for the next run; where nothing has, nothing does

  const std::optional<PartIdentity>& identity() const {
    return identity_;
  }  // of what is there; nullopt where nothing is
  uint64_t size() const { return size_; }

  void begin(const PartIdentity& identity);  // empties it, for this object
  void cut(uint64_t size);                   // what comes after is fetched again; size <= size()
  void append(std::span<const std::byte> bytes);
  std::vector<std::byte> read(uint64_t count) const;  // from the beginning
  // Makes what has come durable and writes down how much that is.
  void save();
  // Of all that has come; reads again what an earlier run left.
  std::string sha256(const ByteProgress& progress);

  const std::string& path() const { return path_; }
  void publish();  // the final name; nothing may be done after
  void discard();  // nothing stays; nothing may be done after

  static std::string path_for(const std::string& final_path) { return final_path + ".part"; }
  static std::string description_for(const std::string& final_path) { return final_path + ".part.json"; }
  // How much is kept of how much, by its description; nullopt where there is none.
  static std::optional<std::pair<uint64_t, uint64_t>> progress_of(const std::string& final_path);

 private:
  void load();
  std::string final_path_;
  std::string path_;
  FileHandle file_;
  std::optional<PartIdentity> identity_;
  uint64_t size_ = 0;
  uint64_t saved_ = 0;   // bytes known to be on the disk
  uint64_t hashed_ = 0;  // bytes that digest_ has seen, from the beginning
  Sha256 digest_;
  std::chrono::steady_clock::time_point last_save_;
};

}  // namespace thimble
