// The browser's storage, or memory that ends with the page where a person has blocked it.

class Memory {
  getItem(key) { return this[key] ?? null; }
  setItem(key, value) { this[key] = String(value); }
  removeItem(key) { delete this[key]; }
}

function storage(name) {
  try {
    return window[name];  // throws where it is blocked
  } catch {
    return new Memory();
  }
}

export const local = storage("localStorage");
export const session = storage("sessionStorage");
