-- What Pi asks besides permission: announced, opened without taking anybody's hands, answered once or not at all.

--- Starts a session and lets the server ask which permission mode is wanted.
local function asked(nvim, command)
  nvim:cmd("edit a.txt")
  nvim:lua("require('pi').session():when_ready(function() _G.ready = true end)")
  nvim:wait("_G.ready")
  nvim:lua([[
    _G.ask = function(command)
      require("pi").session():request("workspace/executeCommand", { command = command, arguments = {} })
    end
    _G.ask(...)
  ]], command or "pi.mode")
  return nvim:event("PiUi").request
end

local function mode(nvim, wanted)
  nvim:lua([[
    _G.mode = nil
    _G.look = function()
      require("pi").session():request("pi/getState", nil, function(_, state)
        _G.mode, _G.open = state.permissionMode, #(state.pendingQuestions or {})
      end)
      return true
    end
  ]])
  nvim:wait("_G.look() and _G.mode == arguments[1] and _G.open == 0", wanted)
end

story("a question is announced, opens when the user says so, and one choice answers it", { script = {} }, function(nvim)
  nvim:choose("plan")
  local request = asked(nvim)
  equal(request.options, { "plan", "ask", "edit", "full" }, "what can be chosen")
  contains(nvim:lua("return _G.said[#_G.said]"), "Pi asks: What Pi may do without asking (now full)", ":Pi answer")
  equal(nvim:lua("return #_G.offered"), 0, "before the user says so")
  nvim:cmd("Pi answer")
  equal(nvim:lua("return _G.offered"), { { request.title, request.options } }, "what was offered")
  mode(nvim, "plan")
  nvim:cmd("Pi answer")
  equal(nvim:lua("return _G.said[#_G.said]"), "Pi asks nothing.")
end)

story("choosing nothing changes nothing", { script = {} }, function(nvim)
  nvim:choose()
  asked(nvim)
  nvim:cmd("Pi answer")
  mode(nvim, "full")
end)

story("words are asked for as words", { script = {} }, function(nvim)
  nvim:lua([[
    vim.ui.input = function(opts, done)
      _G.asked_for = opts.prompt
      done("A name")
    end
  ]])
  asked(nvim, "pi.rename")
  nvim:cmd("Pi answer")
  nvim:wait("require('pi').session().name == 'A name'")
  equal(nvim:lua("return _G.asked_for"), "Name of this chat: ")
end)

story("a question that is taken back is closed, and a late choice is ignored", { script = {} }, function(nvim)
  nvim:lua([[
    vim.ui.select = function(items, _, done)
      _G.late = function()
        done(items[1])
      end
    end
  ]])
  asked(nvim)
  nvim:cmd("Pi answer")
  nvim:wait("_G.late ~= nil")
  -- The next question takes its place.
  nvim:lua("_G.first = _G.late; _G.ask('pi.review')")
  nvim:event("PiUi", 2)
  nvim:lua("_G.first()")
  nvim:lua("_G.late = nil")
  nvim:cmd("Pi answer")
  nvim:wait("_G.late ~= nil")
  nvim:lua("_G.late()")
  mode(nvim, "full")
  nvim:lua([[
    require("pi").session():request("pi/getState", nil, function(_, state)
      _G.review = state.reviewMode
    end)
  ]])
  nvim:wait("_G.review == 'plan'")
end)

--- Serves a request as the server's would come in.
local function serve(nvim, request)
  nvim:lua([[
    local request = ...
    local session = require("pi").session()
    coroutine.wrap(function()
      local params = { sessionId = session.id, request = request }
      _G.result = require("pi.ui").serve(nil, params, { client_id = session.client.id })
    end)()
  ]], request)
end

local function ready(nvim)
  nvim:cmd("Pi")
  nvim:keys("<Esc>")
  nvim:wait("require('pi').session().phase == 'ready' and require('pi').session().id")
end

story("in the chat a question opens by itself when the keyboard is silent", { script = {} }, function(nvim)
  nvim:choose("No")
  ready(nvim)
  serve(nvim, { id = "1", method = "confirm", title = "Go on?", message = "It takes\nlong." })
  nvim:wait("_G.result")
  equal(nvim:lua("return { _G.result, _G.offered }"),
    { { confirmed = false }, { { "Go on? It takes long.", { "Yes", "No" } } } })
end)

story("a text of several lines is written in a buffer", { script = {} }, function(nvim)
  ready(nvim)
  serve(nvim, { id = "1", method = "editor", title = "Notes", prefill = "one\ntwo" })
  nvim:wait("vim.api.nvim_buf_get_name(0) == 'pi://question/1'")
  equal(nvim:current(), "one\ntwo")
  nvim:keys("A!<Esc>:w<CR>")
  nvim:wait("_G.result")
  equal(nvim:lua("return _G.result"), { value = "one!\ntwo" })
  nvim:wait("vim.fn.bufexists('pi://question/1') == 0")
  -- Leaving it is no answer.
  nvim:lua("_G.result = nil")
  serve(nvim, { id = "2", method = "editor", title = "Notes" })
  nvim:cmd("Pi answer")
  nvim:wait("vim.api.nvim_buf_get_name(0) == 'pi://question/2'")
  nvim:cmd("quit")
  nvim:wait("_G.result")
  equal(nvim:lua("return _G.result"), { cancelled = true })
end)

story("what extensions show stands below the prompt until it goes", { script = {} }, function(nvim)
  ready(nvim)
  serve(nvim, { id = "1", method = "setWidget", widgetKey = "w", widgetLines = { "first", "second" } })
  serve(nvim, { id = "2", method = "setStatus", statusKey = "s", statusText = "indexing" })
  equal(nvim:lua([[
    return vim.tbl_map(function(it) return it[1][1] end, require("pi.ui").lines(require("pi").session()))
  ]]), { "first", "second", "indexing" })
  contains(nvim:window(nvim:lua("return require('pi.prompt').buffer(require('pi').session())")), "first", "second", "indexing")
  serve(nvim, { id = "3", method = "setWidget", widgetKey = "w" })
  serve(nvim, { id = "4", method = "setStatus", statusKey = "s" })
  equal(nvim:lua("return #require('pi.ui').lines(require('pi').session())"), 0)
  serve(nvim, { id = "5", method = "notify", message = "The index is built" })
  equal(nvim:lua("return _G.said[#_G.said]"), "The index is built")
end)

story("a title that an extension sets is that of the chat, and not of the editor", { script = {} }, function(nvim)
  nvim:cmd("set title titlestring=mine")
  ready(nvim)
  local function bar()
    return nvim:window(nvim:lua("return require('pi').session().transcript.buf"))
  end
  serve(nvim, { id = "1", method = "setTitle", title = "Indexing 100%" })
  contains(bar(), "Indexing 100%")
  equal(nvim:lua("return vim.o.titlestring"), "mine")
  serve(nvim, { id = "2", method = "setTitle", title = "" })
  assert(not bar():find("Indexing", 1, true), bar())
end)
