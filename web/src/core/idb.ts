/** A small IndexedDB: named stores of values by key. Where the browser refuses it, memory. */

export interface Store<T> {
  all(): Promise<T[]>;
  put(key: string, value: T): Promise<void>;
  remove(key: string): Promise<void>;
}

const NAME = "tahuri";
const VERSION = 1;
/** Every store there is; a new one raises VERSION. */
const STORES = ["outbox", "rows", "kept"] as const;
export type StoreName = (typeof STORES)[number];

let opened: Promise<IDBDatabase> | null = null;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise((done, failed) => {
    const asked = indexedDB.open(NAME, VERSION);
    asked.onupgradeneeded = () => {
      for (const store of STORES) {
        if (!asked.result.objectStoreNames.contains(store)) asked.result.createObjectStore(store);
      }
    };
    asked.onsuccess = () => {
      // Another tab with a newer version must be able to upgrade.
      asked.result.onversionchange = () => {
        asked.result.close();
        opened = null;
      };
      done(asked.result);
    };
    asked.onerror = () => failed(asked.error);
  });
  opened.catch(() => (opened = null));
  return opened;
}

function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((done, failed) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}

/** A store on disk. Throws what IndexedDB throws. */
export function diskStore<T>(name: StoreName): Store<T> {
  const open = async (mode: IDBTransactionMode): Promise<IDBObjectStore> =>
    (await database()).transaction(name, mode).objectStore(name);
  return {
    all: async () => answered((await open("readonly")).getAll() as IDBRequest<T[]>),
    put: async (key, value) => void (await answered((await open("readwrite")).put(value, key))),
    remove: async (key) => void (await answered((await open("readwrite")).delete(key))),
  };
}

export function memoryStore<T>(): Store<T> {
  const values = new Map<string, T>();
  return {
    all: async () => [...values.values()],
    put: async (key, value) => void values.set(key, value),
    remove: async (key) => void values.delete(key),
  };
}

/** A store that lasts if the browser lets it (private windows may not). */
export function openStore<T>(name: StoreName): Store<T> {
  if (typeof indexedDB === "undefined") return memoryStore<T>();
  const disk = diskStore<T>(name);
  const memory = memoryStore<T>();
  return {
    all: async () => [...(await disk.all().catch(() => [])), ...(await memory.all())],
    put: async (key, value) => disk.put(key, value).catch(() => memory.put(key, value)),
    remove: async (key) => {
      await disk.remove(key).catch(() => undefined);
      await memory.remove(key);
    },
  };
}
