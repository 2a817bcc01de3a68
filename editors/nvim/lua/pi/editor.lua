--- What the editor and its other language servers know, answered to Pi's server: what the user looks at, problems,
--- definitions, references, outlines. Positions are counted as Pi's client counts them.
local compat = require("pi.compat")
local context = require("pi.context")
local window = require("pi.window")
local M = {}

--- Pi's own client, whose encoding counts in answers.
local function own(ctx)
  return assert(vim.lsp.get_client_by_id(ctx.client_id))
end

local function lines_of(uri)
  local buf = vim.uri_to_bufnr(uri)
  vim.fn.bufload(buf)
  return function(row)
    return vim.api.nvim_buf_get_lines(buf, row, row + 1, false)[1] or ""
  end
end

--- A position counted in one encoding, counted in another.
local function recount(line, character, from, to)
  if from == to then
    return character
  end
  return compat.code_units(line, compat.byte_offset(line, character, from), to)
end

local function recount_range(uri, range, from, to)
  if from == to then
    return range
  end
  local line = lines_of(uri)
  local function place(it)
    return { line = it.line, character = recount(line(it.line), it.character, from, to) }
  end
  return { start = place(range.start), ["end"] = place(range["end"]) }
end

--- Waits for all answers; the handler of a request of the server runs in a coroutine.
---@param clients vim.lsp.Client[]
---@param method string
---@param params fun(client: vim.lsp.Client): table
---@return {client: vim.lsp.Client, result: any}[]
local function ask(clients, method, params)
  local answers, left, waiter = {}, #clients, nil
  for _, client in ipairs(clients) do
    local sent = compat.lsp_request(client, method, params(client), function(_, result)
      answers[#answers + 1] = result and { client = client, result = result } or nil
      left = left - 1
      if left == 0 and waiter then
        coroutine.resume(waiter)
      end
    end)
    left = sent and left or left - 1
  end
  if left > 0 then
    waiter = coroutine.running()
    coroutine.yield()
  end
  return answers
end

--- The other language servers of a document.
local function others(uri, method)
  local buf = vim.uri_to_bufnr(uri)
  vim.fn.bufload(buf)
  return vim.tbl_filter(function(client)
    return client.name ~= "pi"
  end, vim.lsp.get_clients({ bufnr = buf, method = method }))
end

--- What the user looks at.
---@return pi.EditorState
function M.state(_, _, ctx)
  local encoding = own(ctx).offset_encoding
  local visible, seen = {}, {}
  for _, win in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    local buf = vim.api.nvim_win_get_buf(win)
    if require("pi.client").wants(buf) and not seen[buf] then
      seen[buf] = true
      visible[#visible + 1] = vim.uri_from_bufnr(buf)
    end
  end
  local buf, win = window.last_file()
  if not buf then
    return { visible = visible }
  end
  local region
  local mode = vim.api.nvim_get_mode().mode
  if win == vim.api.nvim_get_current_win() and mode:match("^[vV\22]") then
    local from, to = vim.fn.getpos("v"), vim.fn.getpos(".")
    if from[2] > to[2] or from[2] == to[2] and from[3] > to[3] then
      from, to = to, from
    end
    region = mode == "v" and context.characters(buf, { from[2], from[3] - 1 }, { to[2], to[3] - 1 })
      or context.lines(buf, from[2], to[2])
  else
    local cursor = vim.api.nvim_win_get_cursor(win)
    region = { buf = buf, first = { cursor[1] - 1, cursor[2] }, last = { cursor[1] - 1, cursor[2] } }
  end
  local item = context.item({ region = region }, encoding)
  return { active = { uri = item.uri, selection = item.range }, visible = visible }
end

--- Problems of one document or of all.
---@param params pi.EditorDiagnosticsParams
---@return pi.EditorDiagnostics
function M.diagnostics(_, params, ctx)
  local encoding, by_buf = own(ctx).offset_encoding, {}
  local only = params.uri and vim.uri_to_bufnr(params.uri) or nil
  for _, it in ipairs(vim.diagnostic.get(only)) do
    by_buf[it.bufnr] = by_buf[it.bufnr] or {}
    table.insert(by_buf[it.bufnr], it)
  end
  local documents = {}
  for buf, items in pairs(by_buf) do
    if vim.api.nvim_buf_get_name(buf) ~= "" then
      vim.fn.bufload(buf)
      local item = context.item({ problems = { buf = buf, items = items } }, encoding)
      documents[#documents + 1] = { uri = item.uri, items = item.items }
    end
  end
  return { documents = documents }
end

---@param method string
---@param extra table
---@return fun(err: any, params: pi.EditorPlace, ctx: table): pi.EditorLocations
local function places(method, extra)
  return function(_, params, ctx)
    local encoding, uri = own(ctx).offset_encoding, params.uri
    local line = lines_of(uri)(params.position.line)
    local answers = ask(others(uri, method), method, function(client)
      local character = recount(line, params.position.character, encoding, client.offset_encoding)
      local position = { line = params.position.line, character = character }
      return vim.tbl_extend("force", { textDocument = { uri = uri }, position = position }, extra)
    end)
    local locations = {}
    for _, answer in ipairs(answers) do
      for _, it in ipairs(vim.islist(answer.result) and answer.result or { answer.result }) do
        local target = it.targetUri or it.uri
        local range = it.targetSelectionRange or it.targetRange or it.range
        locations[#locations + 1] = {
          uri = target,
          range = recount_range(target, range, answer.client.offset_encoding, encoding),
        }
      end
    end
    return { locations = locations }
  end
end

M.definition = places("textDocument/definition", {})
M.references = places("textDocument/references", { context = { includeDeclaration = true } })

--- The outline of a document, or symbols of the project by name.
---@param params pi.EditorSymbolsParams
---@return pi.EditorSymbols
function M.symbols(_, params, ctx)
  local encoding, symbols = own(ctx).offset_encoding, {}
  local function add(it, client, uri, container)
    local target = it.location and it.location.uri or uri
    local range = it.range or it.location and it.location.range
    if target and range then
      symbols[#symbols + 1] = {
        name = it.name,
        kind = it.kind,
        container = container or it.containerName,
        uri = target,
        range = recount_range(target, range, client.offset_encoding, encoding),
      }
    end
    for _, child in ipairs(it.children or {}) do
      add(child, client, uri, it.name)
    end
  end
  local answers
  if params.uri then
    local method = "textDocument/documentSymbol"
    answers = ask(others(params.uri, method), method, function()
      return { textDocument = { uri = params.uri } }
    end)
  else
    local asked = vim.tbl_filter(function(client)
      return client.name ~= "pi"
    end, vim.lsp.get_clients({ method = "workspace/symbol" }))
    answers = ask(asked, "workspace/symbol", function()
      return { query = params.query or "" }
    end)
  end
  for _, answer in ipairs(answers) do
    for _, it in ipairs(answer.result) do
      add(it, answer.client, params.uri, nil)
    end
  end
  return { symbols = symbols }
end

return M
