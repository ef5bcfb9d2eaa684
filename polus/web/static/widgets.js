// Draws the widget anew while its form is typed in. Without script the button "Preview" does it.
const form = document.getElementById('widget-form')
const place = document.getElementById('widget-preview')
const WAIT = 400 // milliseconds without a key

let timer = 0
let newest = 0

async function draw() {
  const turn = ++newest
  try {
    const answer = await fetch(place.dataset.preview, {
      method: 'POST',
      body: new FormData(form),
      headers: { 'hx-request': 'true' },
    })
    const text = await answer.text()
    if (answer.ok && turn === newest) {
      const read = new DOMParser().parseFromString(text, 'text/html')
      place.replaceChildren(...read.body.childNodes)
    }
  } catch {
    // The connection is lost; pages.js says so when the form is saved.
  }
}

form.addEventListener('input', () => {
  clearTimeout(timer)
  timer = setTimeout(draw, WAIT)
})
