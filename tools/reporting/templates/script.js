(function () {
  var info = JSON.parse(document.getElementById('edges').textContent), tip = document.getElementById('tip'), colours = {};
  info.colours.forEach(function (rgb, index) { colours[rgb] = index; });
  function pixels(img) {
    if (!img.pixels) {
      var canvas = document.createElement('canvas');
      canvas.width = img.naturalWidth; canvas.height = img.naturalHeight;
      var brush = canvas.getContext('2d');
      brush.drawImage(img, 0, 0);
      img.pixels = brush.getImageData(0, 0, canvas.width, canvas.height).data;
    }
    return img.pixels;
  }
  function value(img, row, column) {
    var at = 4 * (row * img.naturalWidth + column), data = pixels(img);
    var index = colours[[data[at], data[at + 1], data[at + 2]].join()];
    if (index === info.steps) { return 'λ = 0'; }
    if (index === info.steps + 1) { return 'pruned'; }
    var root = info.low + (info.high - info.low) * index / (info.steps - 1);
    return 'λ ≈ ' + (root * Math.abs(root)).toPrecision(3);
  }
  function show(event) {
    var img = event.currentTarget, box = img.getBoundingClientRect();
    var column = Math.floor((event.clientX - box.left) / box.width * img.naturalWidth);
    var row = Math.floor((event.clientY - box.top) / box.height * img.naturalHeight);
    column = Math.max(0, Math.min(img.naturalWidth - 1, column)); row = Math.max(0, Math.min(img.naturalHeight - 1, row));
    var gone = info.decided[img.dataset.scope][row];
    tip.textContent = info.names[img.dataset.scope][row] + ', epoch ' + info.epochs[column] + ': ' + value(img, row, column) +
      (gone === null ? '; left at the end' : '; removed for good at epoch ' + gone);
    tip.hidden = false;
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 4)) + 'px';
    tip.style.top = Math.max(4, Math.min(event.clientY + 14, window.innerHeight - tip.offsetHeight - 4)) + 'px';
  }
  document.querySelectorAll('.heat img').forEach(function (img) {
    img.addEventListener('pointermove', show);
    img.addEventListener('pointerdown', show);
    img.addEventListener('pointerleave', function () { tip.hidden = true; });
  });
})();
