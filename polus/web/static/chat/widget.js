// The chat on a shop's pages: <script src="https://helpdesk.example/chat/widget.js" data-key="…" async></script>
// One file, no dependencies, nothing from third parties. All of it lives in a shadow root, so neither side's styles
// meet; styles are constructed, so a page's style-src cannot forbid them.
(() => {
  'use strict';
  const script = document.currentScript;
  if (!script || !script.dataset.key || window.PolusChat) return;
  const base = new URL('.', script.src).href + encodeURIComponent(script.dataset.key);
  const shelf = 'polus-chat-' + script.dataset.key;

  const WORDS = {
    en: { open: 'Chat with us', close: 'Close the chat', greeting: 'Hello! How can we help?', away: 'We are away at the moment. Leave a message and we will answer by e-mail.', write: 'Write a message', send: 'Send', attach: 'Add a file', email: 'Your e-mail address', name: 'Your name', ask: 'So that we can answer when you are gone:', need: 'Not sent yet. Leave your e-mail address, so that we can answer.', save: 'Save', saved: 'We will answer to', lost: 'No connection. Trying again …', failed: 'Not sent. Press to try again.', typing: 'is writing …', you: 'You', us: 'Support', messages: 'Messages', big: 'The file is larger than 10 MB.', new: 'New message', many: 'Too many messages. Wait a minute.', wrong: 'This is not an e-mail address.', rate: 'How was our help?', scores: 'Very bad|Bad|So so|Good|Very good', comment: 'Anything you would like to tell us?', thanks: 'Thank you for your answer!' },
    fr: { open: 'Discuter avec nous', close: 'Fermer la discussion', greeting: 'Bonjour ! Comment pouvons-nous vous aider ?', away: 'Nous sommes absents pour le moment. Laissez un message, nous répondrons par e-mail.', write: 'Écrire un message', send: 'Envoyer', attach: 'Ajouter un fichier', email: 'Votre adresse e-mail', name: 'Votre nom', ask: 'Pour vous répondre après votre départ :', need: 'Pas encore envoyé. Laissez votre adresse e-mail pour que nous puissions répondre.', save: 'Enregistrer', saved: 'Nous répondrons à', lost: 'Pas de connexion. Nouvel essai …', failed: 'Non envoyé. Appuyer pour réessayer.', typing: 'écrit …', you: 'Vous', us: 'Assistance', messages: 'Messages', big: 'Le fichier dépasse 10 Mo.', new: 'Nouveau message', many: 'Trop de messages. Patientez une minute.', wrong: 'Ce n’est pas une adresse e-mail.', rate: 'Comment avons-nous aidé ?', scores: 'Très mal|Mal|Moyen|Bien|Très bien', comment: 'Voulez-vous ajouter quelque chose ?', thanks: 'Merci pour votre réponse !' },
    de: { open: 'Mit uns chatten', close: 'Chat schließen', greeting: 'Hallo! Wie können wir helfen?', away: 'Wir sind gerade nicht da. Hinterlassen Sie eine Nachricht, wir antworten per E-Mail.', write: 'Nachricht schreiben', send: 'Senden', attach: 'Datei anhängen', email: 'Ihre E-Mail-Adresse', name: 'Ihr Name', ask: 'Damit wir auch später antworten können:', need: 'Noch nicht gesendet. Hinterlassen Sie Ihre E-Mail-Adresse, damit wir antworten können.', save: 'Speichern', saved: 'Wir antworten an', lost: 'Keine Verbindung. Neuer Versuch …', failed: 'Nicht gesendet. Zum Wiederholen drücken.', typing: 'schreibt …', you: 'Sie', us: 'Support', messages: 'Nachrichten', big: 'Die Datei ist größer als 10 MB.', new: 'Neue Nachricht', many: 'Zu viele Nachrichten. Bitte eine Minute warten.', wrong: 'Das ist keine E-Mail-Adresse.', rate: 'Wie war unsere Hilfe?', scores: 'Sehr schlecht|Schlecht|Geht so|Gut|Sehr gut', comment: 'Möchten Sie uns etwas dazu sagen?', thanks: 'Danke für Ihre Antwort!' },
    es: { open: 'Chatear con nosotros', close: 'Cerrar el chat', greeting: '¡Hola! ¿En qué podemos ayudar?', away: 'Ahora no estamos. Deje un mensaje y responderemos por correo.', write: 'Escribir un mensaje', send: 'Enviar', attach: 'Añadir un archivo', email: 'Su correo electrónico', name: 'Su nombre', ask: 'Para poder responder cuando se haya ido:', need: 'Aún no enviado. Deje su correo electrónico para que podamos responder.', save: 'Guardar', saved: 'Responderemos a', lost: 'Sin conexión. Reintentando …', failed: 'No enviado. Pulse para reintentar.', typing: 'está escribiendo …', you: 'Usted', us: 'Soporte', messages: 'Mensajes', big: 'El archivo supera 10 MB.', new: 'Mensaje nuevo', many: 'Demasiados mensajes. Espere un minuto.', wrong: 'No es un correo electrónico.', rate: '¿Qué tal nuestra ayuda?', scores: 'Muy mal|Mal|Regular|Bien|Muy bien', comment: '¿Quiere decirnos algo más?', thanks: '¡Gracias por su respuesta!' },
  };
  const language = (script.dataset.language || document.documentElement.lang || navigator.language || 'en').slice(0, 2).toLowerCase();
  const t = { ...WORDS.en, ...WORDS[language] };

  const STYLE = `
:host { all: initial; --accent: #2f5bea; --on: #fff; --pane: #fff; --ink: #1c2430; --soft: #5b6675; --bad: #c62828; --line: #dfe3e9; --bubble: #f1f3f6;
  position: fixed; z-index: 2147483000; inset-block-end: 20px; inset-inline-end: 20px; font: 15px/1.45 system-ui, sans-serif; color: var(--ink); }
:host(.left) { inset-inline: 20px auto; }
@media (prefers-color-scheme: dark) { :host(:not(.light)) { --pane: #1b2028; --ink: #e8ebf0; --soft: #a4aebb; --bad: #ff9a91; --line: #343c48; --bubble: #2a313b; color-scheme: dark; } }
:host(.dark) { --pane: #1b2028; --ink: #e8ebf0; --soft: #a4aebb; --bad: #ff9a91; --line: #343c48; --bubble: #2a313b; color-scheme: dark; }
* { box-sizing: border-box; } [hidden] { display: none !important; }
button, textarea, input { font: inherit; color: inherit; }
button { cursor: pointer; } :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.launch { inline-size: 56px; block-size: 56px; border-radius: 28px; border: 0; background: var(--accent); color: var(--on); box-shadow: 0 4px 16px #0004; display: grid; place-items: center; position: relative; }
.launch svg { inline-size: 26px; block-size: 26px; }
.count { position: absolute; inset-block-start: -4px; inset-inline-end: -4px; min-inline-size: 20px; block-size: 20px; border-radius: 10px; padding: 0 5px; background: #c62828; color: #fff; font-size: 12px; line-height: 20px; text-align: center; }
.panel { position: absolute; inset-block-end: 68px; inset-inline-end: 0; inline-size: 372px; block-size: min(600px, calc(100dvh - 110px)); display: flex; flex-direction: column; background: var(--pane); border: 1px solid var(--line); border-radius: 12px; box-shadow: 0 12px 40px #0005; overflow: hidden; }
:host(.left) .panel { inset-inline: 0 auto; }
header { display: flex; align-items: center; gap: 8px; padding: 12px 8px 12px 16px; background: var(--accent); color: var(--on); }
h2 { font-size: 16px; font-weight: 600; margin: 0; flex: 1; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.bare { inline-size: 36px; block-size: 36px; border: 0; border-radius: 8px; background: transparent; display: grid; place-items: center; flex: none; }
.bare svg { inline-size: 20px; block-size: 20px; } .bare:hover { background: #8883; }
.log { flex: 1; overflow-y: auto; padding: 16px; display: flex; flex-direction: column; gap: 8px; overscroll-behavior: contain; }
.line { max-inline-size: 84%; align-self: flex-start; }
.line p { margin: 0; padding: 8px 12px; border-radius: 12px; background: var(--bubble); white-space: pre-wrap; overflow-wrap: anywhere; }
.line.mine { align-self: flex-end; } .line.mine p { background: var(--accent); color: var(--on); }
.line small { display: block; color: var(--soft); font-size: 12px; margin: 2px 4px 0; } .line.mine small { text-align: end; }
.line.wait p { opacity: .6; } .line .again { border: 0; background: none; padding: 2px 4px; color: var(--bad); font-size: 12px; text-decoration: underline; }
.line a { color: inherit; overflow-wrap: anywhere; } .file { display: block; padding: 4px 4px 0; }
.file img { max-inline-size: 100%; max-block-size: 180px; border-radius: 8px; display: block; }
.note { margin: 0; padding: 8px 16px; color: var(--soft); font-size: 13px; } .note.bad { color: var(--bad); }
.person { display: flex; flex-wrap: wrap; gap: 6px; padding: 8px 12px; border-block-start: 1px solid var(--line); }
.person label { flex-basis: 100%; font-size: 13px; color: var(--soft); }
.person input { flex: 1; min-inline-size: 0; border: 1px solid var(--line); border-radius: 8px; padding: 6px 10px; background: transparent; }
.person button, .send { border: 0; border-radius: 8px; padding: 6px 14px; background: var(--accent); color: var(--on); font-weight: 600; }
.rate { padding: 10px 12px; border-block-start: 1px solid var(--line); } .rate fieldset { border: 0; margin: 0; padding: 0; display: flex; gap: 4px; justify-content: space-between; }
.rate legend { font-weight: 600; padding: 0; margin-block-end: 6px; } .score { flex: 1; block-size: 40px; border: 1px solid var(--line); border-radius: 8px; background: transparent; font-size: 20px; }
.score:hover, .score[aria-pressed=true] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); } .more { display: flex; align-items: flex-end; gap: 6px; margin-block-start: 8px; }
form.write { display: flex; align-items: flex-end; gap: 6px; padding: 10px 12px; border-block-start: 1px solid var(--line); }
textarea { flex: 1; resize: none; max-block-size: 120px; border: 1px solid var(--line); border-radius: 8px; padding: 7px 10px; background: transparent; field-sizing: content; }
.send { block-size: 36px; } .unseen { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 480px) { .panel { position: fixed; inset: 0; inline-size: auto; block-size: auto; border: 0; border-radius: 0; } .panel:not([hidden]) ~ .launch { display: none; } }
@media (prefers-reduced-motion: no-preference) { .panel { animation: up .16s ease-out; } @keyframes up { from { transform: translateY(8px); opacity: 0; } } }`;

  const ICONS = {
    chat: 'M21 12a8 8 0 0 1-8 8H4l2-3.2A8 8 0 1 1 21 12z', close: 'M6 6l12 12M18 6L6 18',
    clip: 'M20 11.5l-8.5 8.5a5 5 0 0 1-7-7L13 4.5a3.4 3.4 0 0 1 4.8 4.8L9.5 17.6a1.7 1.7 0 0 1-2.4-2.4L14.5 8',
  };
  const make = (name, properties = {}, ...inside) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
      else if (key in node && key !== 'list') node[key] = value;
      else node.setAttribute(key, value);
    }
    node.append(...inside);
    return node;
  };
  const icon = (name) => {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    for (const [key, value] of Object.entries({ viewBox: '0 0 24 24', fill: 'none', stroke: 'currentColor', 'stroke-width': 2, 'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true' })) svg.setAttribute(key, value);
    path.setAttribute('d', ICONS[name]);
    svg.append(path);
    return svg;
  };

  // What survives the page: the visitor's token and what was not sent yet. A browser may refuse to keep anything.
  const memory = {};
  const keep = (name, value) => {
    memory[name] = value;
    try { localStorage.setItem(`${shelf}-${name}`, JSON.stringify(value)); } catch { /* private windows */ }
  };
  const kept = (name) => {
    if (name in memory) return memory[name];
    try { memory[name] = JSON.parse(localStorage.getItem(`${shelf}-${name}`)); } catch { memory[name] = null; }
    return memory[name];
  };
  const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

  class Refused extends Error {
    constructor(status, told) { super(told?.error?.msg || String(status)); this.status = status; this.data = told?.error?.data; }
  }
  // A network may fall silent without a word, so no question waits for ever. The stream ends by a watch of its own.
  const PATIENCE = 20000, UPLOAD = 180000;
  const ask = async (method, path, body, options = {}) => {
    const headers = {}, stop = new AbortController();
    const watch = setTimeout(() => stop.abort(), body instanceof Blob ? UPLOAD : PATIENCE);
    if (kept('token')) headers.authorization = `Bearer ${kept('token')}`;
    if (body !== undefined && !(body instanceof Blob)) { headers['content-type'] = 'application/json'; body = JSON.stringify(body); }
    try {
      const answer = await fetch(base + path, { method, headers, body, credentials: 'omit', signal: stop.signal, ...options });
      if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => null));
      return options.signal || answer.status === 204 ? answer : await answer.json();
    } finally { clearTimeout(watch); }
  };
  // What stands between page and helpdesk may answer for it while it is away: that is no refusal.
  const away = (error) => !error.status || [502, 503, 504].includes(error.status);

  let look, root, parts, visitor = null, arriving = null, streaming = null, hears = false, retry = 0, newest = 0, unread = 0, lastTyped = 0, quiet = null, asked = false, score = 0;
  const shown = new Map();       // lines by id
  const waiting = new Map();     // own words on their way, by client id
  const listeners = {};
  const tell = (name, detail) => (listeners[name] || []).forEach((each) => each(detail));

  const arrive = () => {
    if (kept('token')) return Promise.resolve();
    arriving ??= ask('POST', '/visitors', pending.identity ? { identity: pending.identity } : {})
      .then((told) => { keep('token', told.token); visitor = told.visitor; listen(); })
      .finally(() => { arriving = null; });
    return arriving;
  };
  const pending = { identity: null };
  const forget = () => {
    streaming?.abort(); streaming = null; asked = hears = false; keep('token', null); visitor = null; shown.clear(); newest = 0;
    if (parts) parts.log.replaceChildren(greeting(), ...[...waiting.values()].map((line) => line.box));
  };

  // The stream is read with fetch, because EventSource can only put a token into an address.
  const listen = async () => {
    if (streaming || !kept('token')) return;
    const stop = new AbortController();
    streaming = stop;
    // The server speaks every half a minute: a connection that died without a word is begun anew.
    let watch;
    const alive = () => { clearTimeout(watch); watch = setTimeout(() => { stop.stale = true; stop.abort(); }, 70000); };
    alive();
    try {
      const answer = await ask('GET', `/stream?after=${newest}`, undefined, { signal: stop.signal });
      retry = 0;
      hears = true;
      setLost(false);
      flush();
      if (parts && isOpen() && document.visibilityState === 'visible') acknowledge();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        alive();
        text += value;
        let end;
        while ((end = text.indexOf('\n\n')) >= 0) { heard(text.slice(0, end)); text = text.slice(end + 2); }
      }
    } catch (error) {
      if ([401, 403, 404].includes(error.status)) {
        clearTimeout(watch);
        streaming = null;
        if (error.status === 401) forget();
        return;
      }
    }
    clearTimeout(watch);
    if (streaming === stop) { streaming = null; hears = false; }
    if (stop.signal.aborted && !stop.stale) return;
    setLost(true);
    retry += 1;
    setTimeout(listen, Math.min(30000, 500 * 2 ** retry) * (0.5 + Math.random() / 2));
  };
  const heard = (block) => {
    const fields = Object.fromEntries(block.split('\n').filter((row) => !row.startsWith(':')).map((row) => [row.slice(0, row.indexOf(':')), row.slice(row.indexOf(':') + 1).trim()]));
    if (fields.event === 'line') told(JSON.parse(fields.data));
    else if (fields.event === 'typing') typing();
    else if (fields.event === 'question') { asked = true; question(); }
  };
  // Connected is who hears and is heard.
  const setLost = (lost) => { if (parts && (lost || hears || !kept('token'))) parts.lost.hidden = !lost; };
  const typing = () => {
    if (!parts) return;
    parts.typing.hidden = false;
    clearTimeout(quiet);
    quiet = setTimeout(() => { parts.typing.hidden = true; }, 6000);
  };

  const time = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' });
  const LINK = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g;
  const linked = (text) => {
    const pieces = []; let from = 0;
    for (const found of text.matchAll(LINK)) {
      pieces.push(text.slice(from, found.index), make('a', { href: found[0], target: '_blank', rel: 'noopener noreferrer nofollow' }, found[0]));
      from = found.index + found[0].length;
    }
    return [...pieces, text.slice(from)];
  };
  const drawn = (line) => {
    const box = make('div', { className: `line${line.mine ? ' mine' : ''}${line.wait ? ' wait' : ''}` });
    const who = line.mine ? t.you : line.author || t.us;
    box.append(make('span', { className: 'unseen' }, `${who}: `));
    if (line.text) box.append(make('p', {}, ...linked(line.text)));
    for (const file of line.files || []) {
      const link = make('a', { className: 'file', target: '_blank', rel: 'noopener noreferrer' }, file.name);
      if (file.url) {
        link.href = file.url;
        if (/^image\/(png|jpeg|gif|webp)$/.test(file.content_type || '')) link.replaceChildren(make('img', { src: file.url, alt: file.name, loading: 'lazy' }));
      }
      box.append(link);
    }
    if (line.datetime) box.append(make('small', {}, (line.mine ? '' : `${who} · `) + time.format(new Date(line.datetime))));
    if (line.failed) box.append(make('button', { className: 'again', type: 'button', onclick: () => { line.failed = false; redraw(line); flush(); } }, t.failed));
    return box;
  };
  const greeting = () => drawn({ text: (look.open ? look.greeting || t.greeting : look.away || t.away), author: look.title || look.name });
  const atEnd = () => parts.log.scrollHeight - parts.log.scrollTop - parts.log.clientHeight < 80;
  const toEnd = () => { parts.log.scrollTop = parts.log.scrollHeight; };
  const redraw = (line) => { const box = drawn(line); line.box.replaceWith(box); line.box = box; };

  // A line of the stream or the history: all before it were told, so what is asked for next begins behind it. The answer
  // to own words tells nothing of the lines before them.
  const told = (line) => { newest = Math.max(newest, line.id); add(line); };
  const add = (line) => {
    if (shown.has(line.id)) return;
    shown.set(line.id, line);
    const mine = waiting.get(line.key);
    if (mine) { mine.box?.remove(); waiting.delete(mine.id); store(mine.id); }
    if (parts) {
      const follow = line.mine || atEnd();
      line.box = drawn(line);
      const next = [...shown.values()].filter((one) => one.id > line.id && one.box).sort((one, other) => one.id - other.id)[0] || [...waiting.values()].find((one) => one.box);
      parts.log.insertBefore(line.box, next ? next.box : null);
      if (!line.mine) parts.typing.hidden = true;
      if (follow) toEnd();
    }
    if (!line.mine) {
      if (isOpen() && document.visibilityState === 'visible') acknowledge();
      else if (line.id > (kept('read') || 0)) { unread += 1; count(); }
      tell('message', { text: line.text, author: line.author });
    }
  };
  const acknowledge = () => {
    unread = 0; count();
    if (newest > (kept('read') || 0)) {
      const line = newest;
      ask('POST', '/read', { line }).then(() => keep('read', Math.max(line, kept('read') || 0)), () => {});
    }
  };
  const count = () => { parts.count.hidden = !unread; parts.count.textContent = unread > 9 ? '9+' : String(unread); parts.launch.setAttribute('aria-label', unread ? `${t.open}. ${t.new}: ${unread}` : t.open); };

  // Own words: shown at once, kept until the server has them, sent again under the same id. Other pages of the shop keep
  // theirs in the same place. Files are kept as long as the page.
  const store = (gone) => {
    delete memory.waiting;
    const others = (kept('waiting') || []).filter((one) => one.id !== gone && !waiting.has(one.id));
    keep('waiting', [...others, ...[...waiting.values()].filter((one) => !one.blob).map(({ id, text, files }) => ({ id, text, files }))]);
  };
  const say = (text, files = [], blob = null) => {
    const line = { id: newId(), mine: true, wait: true, text, files, blob };
    waiting.set(line.id, line);
    line.box = drawn(line);
    parts.log.append(line.box);
    toEnd(); store(); flush();
  };
  const send = async (line) => {
    await arrive();
    if (line.blob) {
      const made = await ask('POST', `/files?name=${encodeURIComponent(line.blob.name)}`, line.blob);
      line.files = [{ ...made, key: made.url, url: null }];
      line.blob = null;
      store();
    }
    add(await ask('POST', '/lines', { id: line.id, text: line.text, files: (line.files || []).map((file) => file.key || file.url), page: location.href }));
  };
  let flushing = false, later;
  const flush = async () => {
    if (flushing) return;
    flushing = true;
    clearTimeout(later);
    let again = 0;
    try {
      for (;;) {
        const line = [...waiting.values()].find((one) => !one.failed);
        if (!line) { setLost(false); return; }
        try {
          await send(line);
        } catch (error) {
          if (error.status === 401 && again++ < 2) { forget(); continue; }
          if (error.status === 400 && error.data?.email) { setNote(t.need); askPerson(true); return; }
          if (away(error)) { setLost(true); later = setTimeout(flush, 3000); return; }
          if (error.status === 429) setNote(t.many);
          if (error.status === 413) setNote(t.big);
          line.failed = true;
          if (line.box) redraw(line);
        }
      }
    } finally { flushing = false; }
  };
  const setNote = (text, bad = true) => { parts.note.textContent = text; parts.note.hidden = !text; parts.note.classList.toggle('bad', bad); };

  const attach = (file) => {
    if (file.size > 10 * 1024 * 1024) setNote(t.big);
    else { setNote(''); say('', [{ name: file.name }], file); }
  };

  const askPerson = (must) => { parts.person.hidden = false; if (must) parts.person.querySelector('input[type=email]').focus(); };
  const introduce = async (event) => {
    event.preventDefault();
    const form = new FormData(parts.person);
    try {
      await arrive();
      visitor = (await ask('POST', '/person', { name: form.get('name') || '', email: form.get('email') })).visitor;
      parts.person.hidden = true;
      setNote(`${t.saved} ${visitor.email}`, false);
      flush();
    } catch (error) { setNote(error.status === 400 ? t.wrong : away(error) ? t.lost : error.message); }
  };

  // How the help was: asked when the ticket was closed, once the visitor can see it.
  const question = async () => {
    if (!asked || !isOpen()) return;
    asked = false;
    try {
      if (!(await ask('POST', '/question', {})).question) return;
      score = 0;
      parts.more.hidden = true;
      for (const each of parts.scores) each.setAttribute('aria-pressed', 'false');
      parts.rate.hidden = false;
    } catch (error) { asked = !error.status; }
  };
  const rate = async (given, comment) => {
    try {
      await ask('POST', '/answer', { score: given, comment });
      score = given;
      parts.scores.forEach((each, at) => each.setAttribute('aria-pressed', String(at + 1 === given)));
      parts.rate.hidden = Boolean(comment);
      parts.more.hidden = false;
      setNote(t.thanks, false);
    } catch (error) { if (error.status === 404) parts.rate.hidden = true; else setNote(error.status === 429 ? t.many : error.status ? error.message : t.lost); }
  };

  const isOpen = () => parts && !parts.panel.hidden;
  const open = async () => {
    await ready;
    parts.panel.hidden = false;
    parts.launch.setAttribute('aria-expanded', 'true');
    // At once: keys belong to the chat while it still asks what was said before.
    parts.text.focus();
    await history();
    if (!visitor?.email && (look.ask_email === 'first' || !look.open)) askPerson(false);
    toEnd(); acknowledge(); question();
    tell('open');
  };
  const close = () => { if (!isOpen()) return; parts.panel.hidden = true; parts.launch.setAttribute('aria-expanded', 'false'); parts.launch.focus(); tell('close'); };
  let fetched = false;
  const history = async () => {
    if (fetched || !kept('token')) { listen(); return; }
    try {
      const known = await ask('GET', '/lines');
      fetched = true;
      visitor = known.visitor;
      asked = known.question;
      keep('read', Math.max(known.read, kept('read') || 0));
      known.lines.forEach(told);
    } catch (error) { if (error.status === 401) forget(); }
    listen();
  };
  const resume = () => {
    for (const { id, text, files } of kept('waiting') || []) {
      if (waiting.has(id)) continue;
      const line = { id, text, files, mine: true, wait: true };
      waiting.set(id, line);
      line.box = drawn(line);
      parts.log.append(line.box);
    }
    if (waiting.size) flush();
  };

  // What is being written outlives the page, in this window only.
  const draft = (text) => {
    try { if (text === undefined) return sessionStorage.getItem(shelf + '-draft') || ''; sessionStorage.setItem(shelf + '-draft', text); } catch { /* as above */ }
    return '';
  };
  const typed = () => {
    draft(parts.text.value);
    if (kept('token') && Date.now() - lastTyped > 4000) { lastTyped = Date.now(); ask('POST', '/typing', {}).catch(() => {}); }
  };
  const submit = (event) => {
    event?.preventDefault();
    const text = parts.text.value.trim();
    if (!text) return;
    parts.text.value = '';
    draft('');
    setNote('');
    parts.rate.hidden = true;
    say(text);
    if (!visitor?.email && look.ask_email === 'later') askPerson(false);
    if (!visitor?.email && look.ask_email === 'first') askPerson(true);
  };

  const luminance = (colour) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const build = () => {
    const host = make('div', { id: 'polus-chat' });
    root = host.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    const own = new CSSStyleSheet();
    own.replaceSync(`:host { --accent: ${look.colour}; --on: ${luminance(look.colour) > 0.179 ? '#000' : '#fff'}; }`);
    root.adoptedStyleSheets = [sheet, own];
    if (look.side === 'left') host.classList.add('left');
    if (script.dataset.theme) host.classList.add(script.dataset.theme);
    const file = make('input', { type: 'file', hidden: true, onchange: () => { [...file.files].slice(0, 5).forEach(attach); file.value = ''; } });
    parts = {
      count: make('span', { className: 'count', hidden: true, 'aria-hidden': 'true' }),
      log: make('div', { className: 'log', role: 'log', 'aria-label': t.messages, tabIndex: 0 }),
      typing: make('p', { className: 'note', hidden: true, role: 'status' }, `${t.us} ${t.typing}`),
      lost: make('p', { className: 'note bad', hidden: true, role: 'status' }, t.lost),
      note: make('p', { className: 'note', hidden: true, role: 'status' }),
      text: make('textarea', { rows: 1, 'aria-label': t.write, placeholder: t.write, maxLength: 5000, oninput: typed }),
    };
    parts.text.addEventListener('keydown', (event) => { if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); submit(); } });
    parts.text.addEventListener('paste', (event) => { const files = [...(event.clipboardData?.files || [])]; if (files.length) { event.preventDefault(); files.slice(0, 5).forEach(attach); } });
    parts.launch = make('button', { className: 'launch', type: 'button', 'aria-label': t.open, 'aria-expanded': 'false', onclick: () => (isOpen() ? close() : open()) }, icon('chat'), parts.count);
    parts.person = make('form', { className: 'person', hidden: true, onsubmit: introduce },
      make('label', { htmlFor: 'email' }, t.ask), make('input', { id: 'email', type: 'email', name: 'email', required: true, autocomplete: 'email', placeholder: t.email, maxLength: 320, 'aria-label': t.email }), make('button', {}, t.save));
    parts.scores = t.scores.split('|').map((name, at) => make('button', { className: 'score', type: 'button', title: name, 'aria-label': name, 'aria-pressed': 'false', onclick: () => rate(at + 1, parts.comment.value.trim()) }, ['😞', '🙁', '😐', '🙂', '😀'][at]));
    parts.comment = make('textarea', { rows: 1, maxLength: 1000, placeholder: t.comment, 'aria-label': t.comment });
    parts.more = make('div', { className: 'more', hidden: true }, parts.comment, make('button', { className: 'send' }, t.send));
    parts.rate = make('form', { className: 'rate', hidden: true, onsubmit: (event) => { event.preventDefault(); if (parts.comment.value.trim()) rate(score, parts.comment.value.trim()); else parts.rate.hidden = true; } },
      make('fieldset', {}, make('legend', {}, t.rate), ...parts.scores), parts.more);
    parts.panel = make('section', { className: 'panel', role: 'dialog', 'aria-label': look.title || look.name, hidden: true },
      make('header', {}, make('h2', {}, look.title || look.name), make('button', { className: 'bare', type: 'button', 'aria-label': t.close, onclick: close }, icon('close'))),
      parts.log, parts.typing, parts.rate, parts.lost, parts.note, parts.person,
      make('form', { className: 'write', onsubmit: submit }, make('button', { className: 'bare', type: 'button', 'aria-label': t.attach, title: t.attach, onclick: () => file.click() }, icon('clip')), file, parts.text, make('button', { className: 'send' }, t.send)));
    parts.panel.addEventListener('keydown', (event) => { if (event.key === 'Escape') { event.stopPropagation(); close(); } });
    parts.panel.addEventListener('dragover', (event) => event.preventDefault());
    parts.panel.addEventListener('drop', (event) => { event.preventDefault(); [...event.dataTransfer.files].slice(0, 5).forEach(attach); });
    parts.text.value = draft();
    parts.log.append(greeting());
    root.append(parts.panel, parts.launch);
    document.body.append(host);
    resume();
    if (kept('token')) history();
  };
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible' && isOpen()) acknowledge(); });
  window.addEventListener('online', () => { retry = 0; if (streaming) { streaming.stale = true; streaming.abort(); } else listen(); flush(); });
  window.addEventListener('offline', () => setLost(true));
  window.addEventListener('pagehide', () => { streaming?.abort(); streaming = null; });
  window.addEventListener('pageshow', (event) => { if (event.persisted) listen(); });

  const begin = async () => {
    for (let wait = 2000; !look; wait = Math.min(60000, wait * 2)) {
      try { look = await ask('GET', ''); } catch (error) {
        if (!away(error)) throw error;
        await new Promise((done) => { setTimeout(done, wait); window.addEventListener('online', done, { once: true }); });
      }
    }
    if (document.readyState === 'loading') await new Promise((done) => document.addEventListener('DOMContentLoaded', done, { once: true }));
    build();
  };
  const ready = begin();
  ready.catch((error) => console.warn('Polus chat:', error.message));

  window.PolusChat = {
    open, close,
    identify: async (identity) => {
      await ready;
      if (!kept('token')) { pending.identity = identity; return; }
      visitor = (await ask('POST', '/person', { identity })).visitor;
      parts.person.hidden = true;
    },
    on: (name, listener) => { (listeners[name] ??= []).push(listener); },
    forget: () => { if (kept('token')) ask('POST', '/forget', {}, { keepalive: true }).catch(() => {}); waiting.clear(); keep('waiting', null); draft(''); if (parts) parts.text.value = ''; forget(); },
  };

  // What shops' themes call: see the reference's section on cart attributes.
  const stable = (name, area) => {
    try {
      const value = window[area].getItem(name) || newId();
      window[area].setItem(name, value);
      return value;
    } catch { return (memory[name] ??= newId()); }
  };
  const attributes = () => [
    { key: 'gorgias.guest_id', value: stable('gorgias.guest_id', 'localStorage') },
    { key: 'gorgias.session_id', value: stable('gorgias.session_id', 'sessionStorage') },
  ];
  const bridge = {
    init: () => Promise.resolve(bridge),
    createCartAttributes: attributes,
    createCheckoutAttributes: attributes,
    cartUpdated: (cart) => window.dispatchEvent(new CustomEvent('gorgias:cart-updated', { detail: { cart } })),
  };
  window.GorgiasBridge ??= bridge;
  window.PolusBridge = window.GorgiasBridge;
  window.dispatchEvent(new Event('gorgias-bridge-loaded'));
})();
