// Uses the server as pages of the Flask application do, without newer features.
(function () {
  var serverUrl = new URLSearchParams(location.search).get('server');
  var socket = serverUrl ? io(serverUrl, { withCredentials: true, transports: ['polling'] }) : io();
  var element = document.querySelector.bind(document);
  var answer = null;

  function append(kind, text) {
    var message = document.createElement('p');
    message.className = kind;
    message.textContent = text;
    element('#messages').append(message);
    return message;
  }

  socket.on('response', function (data) {
    element('[role=status]').textContent = data.data;
  });
  socket.on('disconnect', function () {
    element('[role=status]').textContent = 'Disconnected';
  });
  socket.on('response_chunk', function (data) {
    answer = answer || append('answer', '');
    answer.textContent += data.chunk;
  });
  socket.on('token_usage', function (data) {
    answer = null;
    element('#tokens').textContent = 'Total tokens used: ' + data.total_tokens_used;
  });
  socket.on('error', function (data) {
    element('[role=alert]').textContent = data.message;
  });

  element('#start').addEventListener('click', function () {
    fetch((serverUrl || '') + '/start_conversation', { method: 'POST', credentials: 'include' })
      .then(function (response) {
        return response.json();
      })
      .then(function (data) {
        append('notice', data.message);
      });
  });
  element('form').addEventListener('submit', function (event) {
    event.preventDefault();
    var message = element('input').value;
    append('question', message);
    socket.emit('send_message', { message: message });
    element('input').value = '';
  });
})();
