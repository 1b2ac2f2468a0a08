'use strict';
{
  const MAGIC = { 'PLEATVM\n': 'model', 'PLEATPF\n': 'proof' };
  const MAX_BYTES = 1 << 26;
  // The generators that come with the code; those for longer rows are derived when a model that has them is chosen.
  const FIRST_ROW_BITS = 12;
  const WHAT_REFUSED = {
    'demand/model-id': 'The model file has another id than the one that you demand.',
    format: 'This is not a whole, well-formed proof for this model.',
    'other-model': 'The proof is about another model than this one.',
    'index-range': 'A public index is out of range.',
    agreement: 'An answer is another than the one that was given.',
    shares: 'The equation that this model and these values demand does not hold. Something that it binds was changed or never computed: an input, an output, a commitment.',
    constraints: 'The folded steps do not satisfy their constraints.',
    products: 'The products in the folded steps are not those of the values that they commit to.',
    'steps-opening': 'The folded steps are not those that the proof commits to.',
    'nova-format': 'The folded part of the proof is malformed.',
    nova: 'The folded steps do not verify. Something that they bind was changed or never computed: an input, an output, a commitment.',
    'end-state': 'The steps do not end in the state that this model and these values demand.',
    opening: 'The opened values are not those that the proof commits to.',
    aborted: 'The check broke off. Take the proof as refused.',
  };

  const $ = (id) => document.getElementById(id);
  const files = { model: null, proof: null };
  let checks = 0;

  // ---- the worker

  const waiting = new Map();
  let requests = 0;
  let worker;
  let ready;

  function ask(request, transfer = []) {
    return new Promise((resolve, reject) => {
      const id = ++requests;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ ...request, id }, transfer);
    });
  }

  async function embedded(id) {
    const packed = Uint8Array.from(atob($(id).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function start() {
    const source = URL.createObjectURL(new Blob([$('worker').textContent], { type: 'text/javascript' }));
    worker = new Worker(source);
    worker.onmessage = ({ data }) => {
      const { resolve, reject } = waiting.get(data.id);
      waiting.delete(data.id);
      if (data.failure) reject(new Error(data.failure));
      else resolve(data);
    };
    // What the worker does not catch itself, such as running out of memory, ends it: answers are refused, and a new one starts.
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      for (const { reject } of waiting.values()) reject(new Error(event.message || 'the worker ended'));
      waiting.clear();
      start();
    };
    ready = (async () => {
      const wasm = await embedded('wasm');
      const loaded = await ask({ kind: 'load', wasm }, [wasm.buffer]);
      const prepared = await ask({ kind: 'prepare', rowBits: FIRST_ROW_BITS });
      const total = performance.now() / 1000;
      document.documentElement.dataset.ready = JSON.stringify({ load: loaded.seconds, prepare: prepared.seconds, total });
    })();
    ready.then(
      () => checks || say('Ready.'),
      (error) => say(`This browser cannot run the verifier: ${error.message}`),
    );
  }

  // ---- choosing files

  function say(text) {
    $('status').textContent = text;
  }

  function forget() {
    $('verdict').hidden = true;
  }

  function choose(slot, file) {
    files[slot] = file;
    $(`${slot}-file`).textContent = file ? `${file.name}, ${file.size.toLocaleString('en')} bytes` : 'No file';
    forget();
    if (slot === 'model' && file && file.size <= MAX_BYTES) prepareFor(file);
  }

  // While people choose the proof. What goes wrong here, the check says.
  async function prepareFor(file) {
    try {
      const model = await file.arrayBuffer();
      await ready;
      await ask({ kind: 'prepareFor', model }, [model]);
    } catch {}
  }

  async function slotOf(file) {
    const magic = new TextDecoder('latin1').decode(await file.slice(0, 8).arrayBuffer());
    return MAGIC[magic] ?? (file.name.endsWith('.vmodel') ? 'model' : 'proof');
  }

  for (const slot of ['model', 'proof']) {
    $(slot).addEventListener('change', () => choose(slot, $(slot).files[0] ?? null));
  }
  $('model-id').addEventListener('input', forget);

  addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dragging');
  });
  addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) document.body.classList.remove('dragging');
  });
  addEventListener('drop', async (event) => {
    event.preventDefault();
    document.body.classList.remove('dragging');
    const dropped = [...event.dataTransfer.files];
    for (const file of dropped) {
      const slot = await slotOf(file);
      $(slot).value = '';
      choose(slot, file);
    }
    if (dropped.length && files.model && files.proof) check();
  });

  // ---- checking

  $('form').addEventListener('submit', (event) => {
    event.preventDefault();
    check();
  });

  async function check() {
    forget();
    const missing = [];
    if (!files.model) missing.push('a verification model');
    if (!files.proof) missing.push('a proof');
    if (missing.length) {
      say(`Choose ${missing.join(' and ')} first.`);
      (files.model ? $('proof') : $('model')).focus();
      return;
    }
    const own = ++checks;
    const modelId = $('model-id').value.trim() || null;
    say(document.documentElement.dataset.ready ? 'Checking…' : 'Getting ready, then checking…');
    let answer;
    try {
      for (const file of Object.values(files)) {
        if (file.size > MAX_BYTES) throw new Error(`${file.name} is too large to be checked here`);
      }
      const [model, proof] = await Promise.all([files.model.arrayBuffer(), files.proof.arrayBuffer()]);
      await ready;
      if ((await ask({ kind: 'needsKey', proof })).result) {
        if (own === checks) say('Getting ready for proofs of this mode, then checking…');
        const key = await embedded('key');
        const { seconds } = await ask({ kind: 'loadKey', key }, [key.buffer]);
        document.documentElement.dataset.key = seconds;
        if (own === checks) say('Checking…');
      }
      answer = (await ask({ kind: 'verify', model, proof, modelId }, [model, proof])).result;
    } catch (error) {
      answer = { error: error.message };
    }
    if (own === checks) show(answer, modelId);
  }

  // ---- showing

  function element(name, properties = {}, ...children) {
    const node = Object.assign(document.createElement(name), properties);
    node.append(...children);
    return node;
  }

  function list(...pairs) {
    return element('dl', {}, ...pairs.flatMap(([term, ...what]) => [element('dt', {}, term), element('dd', {}, ...what)]));
  }

  const mono = (text) => element('span', { className: 'mono' }, text);
  const HIDDEN_BY = { tree: 'Committed steps', chain: 'Nova’s chain' };
  const duration = (seconds) => `${seconds.toFixed(2)} s`;

  function show(answer, modelId) {
    const [kind, title, ...details] = 'error' in answer ? unchecked(answer) : answer.valid ? valid(answer, modelId) : refused(answer);
    $('verdict').className = kind;
    $('verdict-title').textContent = title;
    $('details').replaceChildren(...details);
    $('verdict').hidden = false;
    say(`Done. ${title.replace(/^\S /, '')}`);
  }

  function valid(answer, modelId) {
    const known = modelId
      ? 'It is the id that you demanded.'
      : 'No id was demanded: compare it with one from someone you trust.';
    return [
      'valid',
      '✓ Valid: a run of this model',
      list(
        ['Model id', mono(answer.model_id), element('br'), known],
        ['Hidden by', `${HIDDEN_BY[answer.fold]} (`, mono(answer.fold), ')'],
        ['Time', duration(answer.seconds.total)],
      ),
      ...answer.input.flatMap((port) => tensor('Input', port)),
      ...(answer.indices ?? []).filter((port) => port.role === 'given').flatMap((port) => indices('Given', port)),
      ...answer.output.flatMap((port) => tensor('Output', port)),
      ...(answer.indices ?? []).filter((port) => port.role === 'answer').flatMap((port) => indices('Answer', port)),
    ];
  }

  function refused(answer) {
    const rows = [['Refused by', mono(answer.check)], ['Because', answer.reason]];
    if (answer.model_id) rows.push(['Model id', mono(answer.model_id)]);
    return ['refused', '✗ Refused: this proves nothing', element('p', {}, WHAT_REFUSED[answer.check] ?? ''), list(...rows)];
  }

  function unchecked(answer) {
    return [
      'unchecked',
      '? Not checked: nothing can be said of the proof',
      element('p', {}, 'The model file or the model id cannot be used.'),
      list(['Because', answer.error]),
    ];
  }

  function tensor(role, port) {
    const title = `${role} ${port.name}, ${port.shape.join(' × ')}: ${port.hidden ? 'hidden' : 'shown'}`;
    const parts = [element('h3', {}, title)];
    if (port.hidden) {
      parts.push(element('p', {}, 'The proof commits to its values and does not show them.'));
      return parts;
    }
    const size = pictureSize(port.shape);
    if (size) parts.push(picture(port, size));
    const values = table(port, role);
    if (port.values.length > 32) {
      parts.push(element('details', {}, element('summary', {}, `All ${port.values.length} values`), values));
    } else {
      parts.push(values);
    }
    return parts;
  }

  function indices(role, port) {
    const title = `${role} ${port.name}, ${port.shape.join(' × ')}: public indices`;
    return [element('h3', {}, title), element('p', { className: 'mono' }, port.values.join(', '))];
  }

  // One channel of at least 8 × 8 is worth a look.
  function pictureSize(shape) {
    const [height, width] = shape.slice(-2);
    const rest = shape.slice(0, -2).every((n) => n === 1);
    return shape.length >= 2 && rest && Math.min(height, width) >= 8 && Math.max(height, width) <= 512 ? { height, width } : null;
  }

  function picture(port, { height, width }) {
    const canvas = element('canvas', { width, height });
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', `${port.name} as a picture of ${width} by ${height} points; the larger the value, the brighter`);
    const low = Math.min(...port.integers);
    const range = Math.max(...port.integers) - low || 1;
    const context = canvas.getContext('2d');
    const image = context.createImageData(width, height);
    port.integers.forEach((value, i) => {
      const grey = Math.round((255 * (value - low)) / range);
      image.data.set([grey, grey, grey, 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
    return canvas;
  }

  function table(port, role) {
    const marks = role === 'Output' && port.values.length > 1;
    const largest = marks ? Math.max(...port.integers) : null;
    const position = (i) => {
      const index = [];
      for (const n of [...port.shape].reverse()) {
        index.unshift(i % n);
        i = Math.floor(i / n);
      }
      return index.filter((_, axis) => port.shape[axis] > 1).join(', ') || '0';
    };
    const head = ['Position', 'Value', 'Integer proved'].map((text) => element('th', { scope: 'col' }, text));
    const rows = port.values.map((value, i) => {
      const top = marks && port.integers[i] === largest;
      return element(
        'tr',
        { className: top ? 'largest' : '' },
        element('th', { scope: 'row' }, position(i)),
        element('td', {}, value.toFixed(6)),
        element('td', {}, String(port.integers[i])),
        ...(marks ? [element('td', { className: 'mark' }, top ? 'largest' : '')] : []),
      );
    });
    if (marks) head.push(element('td'));
    const label = `Values of ${port.name}`;
    const scroll = element('div', { className: 'scroll', tabIndex: 0 });
    scroll.setAttribute('role', 'region');
    scroll.setAttribute('aria-label', label);
    scroll.append(element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows)));
    return scroll;
  }

  start();
}
