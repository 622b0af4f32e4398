/** Every word of the page: it loads nothing of the consoles', whose words are many times as long. */

const id = {
  leave: "✕ Keluar cepat",
  call: "Hubungi {number} sekarang",
  silent_title: "Tidak bisa bicara?",
  cannot_speak: "Saya tidak bisa bicara",
  locate: "Kirim lokasi saya",
  text: "Tulis apa yang terjadi",
  send: "Kirim tulisan",
  else_title: "Bisa bicara",
  call_me: "Telepon saya kembali",
  no_longer: "Saya tidak butuh bantuan lagi",
  undo: "Masih butuh bantuan? Tekan salah satu tombol di atas.",
  loading: "Sebentar…",
  waiting: "Panggilan Anda pukul {at} belum kami jawab. Kami akan menelepon Anda.",
  silent: "Kami tahu Anda tidak bisa bicara. Kami membaca tulisan Anda.",
  calling: "Kami sedang menelepon Anda sekarang.",
  reached: "Kami sudah berbicara dengan Anda. Ada yang berubah? Beri tahu kami di sini.",
  closed: "Panggilan Anda pukul {at} sudah kami tutup. Masih butuh bantuan? Hubungi {number} atau tulis di bawah.",
  gone: "Tautan ini tidak berlaku lagi. Jika butuh bantuan, hubungi {number}.",
  full: "Terlalu banyak pesan dari tautan ini. Hubungi {number}.",
  offline: "Tidak ada sambungan. Pesan Anda disimpan dan dikirim begitu ada sinyal.",
  offline_empty: "Tidak ada sambungan. Kami terus mencoba.",
  received: "✓ Sudah kami terima",
  on_way: "Belum terkirim, dicoba lagi…",
  texts: "✓ {n} tulisan sudah kami terima",
  text_empty: "Tulis dulu, lalu kirim.",
  text_returned: "Tulisan ini tidak diterima. Hubungi {number}.",
  locating: "Mencari lokasi…",
  located: "✓ Lokasi terkirim pukul {at}",
  accuracy: "Ketelitian sekitar {n} meter",
  denied: "Izin lokasi ditolak. Izinkan lokasi di pengaturan peramban, atau tulis alamatnya di bawah.",
  unfound: "Lokasi tidak ditemukan. Coba di dekat jendela, atau tulis alamatnya di bawah.",
  unable: "Telepon ini tidak bisa mengirim lokasi. Tulis alamatnya di bawah.",
};

export type Text = keyof typeof id;

const en: Record<Text, string> = {
  leave: "✕ Leave quickly",
  call: "Call {number} now",
  silent_title: "Cannot speak?",
  cannot_speak: "I cannot speak",
  locate: "Send my location",
  text: "Write what is happening",
  send: "Send text",
  else_title: "Able to speak",
  call_me: "Please call me back",
  no_longer: "I no longer need help",
  undo: "Still need help? Press one of the buttons above.",
  loading: "One moment…",
  waiting: "We did not answer your call of {at} yet. We will call you.",
  silent: "We know that you cannot speak. We read what you write.",
  calling: "We are calling you now.",
  reached: "We have spoken with you. Has something changed? Tell us here.",
  closed: "Your call of {at} is closed with us. Still need help? Call {number} or write below.",
  gone: "This link is no longer valid. If you need help, call {number}.",
  full: "Too many messages came by this link. Call {number}.",
  offline: "No connection. Your message is kept and sent as soon as there is a signal.",
  offline_empty: "No connection. We keep trying.",
  received: "✓ We have received it",
  on_way: "Not sent yet, trying again…",
  texts: "✓ We have received {n} texts",
  text_empty: "Write first, then send.",
  text_returned: "This text was not accepted. Call {number}.",
  locating: "Looking for your location…",
  located: "✓ Location sent at {at}",
  accuracy: "Accurate to about {n} metres",
  denied: "Location is not allowed. Allow it in the browser's settings, or write the address below.",
  unfound: "Your location was not found. Try near a window, or write the address below.",
  unable: "This telephone cannot send a location. Write the address below.",
};

export type Language = "id" | "en";

export const WORDS: Record<Language, Record<Text, string>> = { id, en };

/** A text with its gaps filled. */
export function said(language: Language, text: Text, gaps: Record<string, string> = {}): string {
  return WORDS[language][text].replace(/\{(\w+)\}/g, (_, name: string) => gaps[name] ?? "");
}
