--- The few places where Neovim 0.10 and its successors differ, so that nothing else has to ask for the version.
local M = {}

local v11 = vim.fn.has("nvim-0.11") == 1

--- Starts a language server without attaching a buffer to it.
---@param config table as for `vim.lsp.start`
---@return integer? client_id
function M.lsp_start(config)
  if v11 then
    return vim.lsp.start(config, {
      attach = false,
      reuse_client = function()
        return false
      end,
    })
  end
  return (vim.lsp.start_client(config))
end

---@param client vim.lsp.Client
---@param method string
---@param params table
---@param callback fun(err?: lsp.ResponseError, result?: any)
---@return boolean sent
function M.lsp_request(client, method, params, callback)
  if v11 then
    return (client:request(method, params, callback))
  end
  return (client.request(method, params, callback))
end

---@param client vim.lsp.Client
---@param method string
---@param params table
function M.lsp_notify(client, method, params)
  if v11 then
    client:notify(method, params)
  else
    client.notify(method, params)
  end
end

---@param client vim.lsp.Client
function M.lsp_stop(client)
  if v11 then
    client:stop()
  else
    client.stop()
  end
end

---@param client vim.lsp.Client
---@return boolean
function M.lsp_stopped(client)
  if v11 then
    return client:is_stopped()
  end
  return client.is_stopped()
end

---@return string
function M.lsp_log_path()
  if vim.lsp.log and vim.lsp.log.get_filename then
    return vim.lsp.log.get_filename()
  end
  return vim.lsp.get_log_path()
end

--- Byte offset in a line → code units of an encoding.
---@param line string
---@param byte integer 0-based
---@param encoding string "utf-8", "utf-16" or "utf-32"
---@return integer
function M.code_units(line, byte, encoding)
  byte = math.min(byte, #line)
  if encoding == "utf-8" then
    return byte
  end
  if v11 then
    return vim.str_utfindex(line, encoding, byte, false)
  end
  local utf32, utf16 = vim.str_utfindex(line, byte)
  return encoding == "utf-32" and utf32 or utf16
end

--- Code units of an encoding → byte offset in a line.
---@param line string
---@param units integer
---@param encoding string
---@return integer
function M.byte_offset(line, units, encoding)
  if encoding == "utf-8" then
    return math.min(units, #line)
  end
  if v11 then
    return vim.str_byteindex(line, encoding, units, false)
  end
  local utf32, utf16 = vim.str_utfindex(line)
  local most = encoding == "utf-32" and utf32 or utf16
  return vim.str_byteindex(line, math.min(units, most), encoding == "utf-16")
end

return M
