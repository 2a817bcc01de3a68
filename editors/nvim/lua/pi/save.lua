--- Saves buffers for the server (`pi/saveDocuments`), as `:update` does: with the user's autocommands, and never over a
--- file that has changed on disk, which Neovim would ask about. And reads files again that a command has changed
--- (`pi/reloadDocuments`), as `:checktime` does with 'autoread': where nothing is unsaved, and so that `u` undoes it.
local M = {}

--- Whether the file of a buffer is not the one that was read. Asked in a way that asks nobody.
local function changed_on_disk(buf)
  local changed = false
  local watch = vim.api.nvim_create_autocmd("FileChangedShell", {
    buffer = buf,
    callback = function()
      changed = vim.v.fcs_reason ~= "time" and vim.v.fcs_reason ~= "mode"
      vim.v.fcs_choice = ""
    end,
  })
  local ok, problem = pcall(vim.cmd.checktime, buf)
  vim.api.nvim_del_autocmd(watch)
  return changed or not ok, problem
end

--- Saves one buffer; gives a reason if it could not.
---@param buf integer
---@return string?
local function save(buf)
  if not vim.api.nvim_buf_is_loaded(buf) then
    return "it is not open"
  elseif not vim.bo[buf].modified then
    return nil
  elseif changed_on_disk(buf) then
    return "the file has changed on disk"
  end
  local ok, problem = pcall(vim.api.nvim_buf_call, buf, function()
    vim.cmd("silent update")
  end)
  if not ok then
    return (tostring(problem):gsub("^.-(E%d+:)", "%1"))
  elseif vim.bo[buf].modified then
    return "it is still modified after :update"
  end
end

--- The handler of the request.
---@param params pi.SaveDocumentsParams
---@return pi.SavedDocuments
function M.documents(_, params)
  local failed = {}
  for _, uri in ipairs(params.uris) do
    local problem = save(vim.uri_to_bufnr(uri))
    if problem then
      failed[#failed + 1] = { uri = uri, message = problem }
    end
  end
  return { failed = failed }
end

--- Reads the file of one buffer again; gives a reason if it could not.
---@param buf integer
---@return string?
local function reload(buf)
  if not vim.api.nvim_buf_is_loaded(buf) then
    return "it is not open"
  elseif vim.bo[buf].modified then
    return "it has unsaved changes"
  end
  local watch = vim.api.nvim_create_autocmd("FileChangedShell", {
    buffer = buf,
    callback = function()
      vim.v.fcs_choice = vim.v.fcs_reason == "changed" and "reload" or ""
    end,
  })
  local ok, problem = pcall(vim.cmd.checktime, buf)
  vim.api.nvim_del_autocmd(watch)
  if not ok then
    return (tostring(problem):gsub("^.-(E%d+:)", "%1"))
  end
end

--- The handler of the request to reload.
---@param params pi.ReloadDocumentsParams
---@return pi.ReloadedDocuments
function M.reload(_, params)
  local failed = {}
  for _, uri in ipairs(params.uris) do
    local problem = reload(vim.uri_to_bufnr(uri))
    if problem then
      failed[#failed + 1] = { uri = uri, message = problem }
    end
  end
  return { failed = failed }
end

return M
