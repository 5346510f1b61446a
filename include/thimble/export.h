/* Marks what the shared library shows. */
#ifndef THIMBLE_EXPORT_H
#define THIMBLE_EXPORT_H

#if defined(__GNUC__)
#define THIMBLE_API __attribute__((visibility("default")))
#else
#define THIMBLE_API
#endif

#endif
