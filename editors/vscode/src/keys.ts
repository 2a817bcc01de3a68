/** Keys of providers that were typed here: in VS Code's secret storage, and given to the server in its environment. */
import type * as vscode from "vscode";

/** Providers that can be set up here, and the variables that the server reads. */
export const PROVIDERS: Record<string, string> = {
  Anthropic: "ANTHROPIC_API_KEY",
  OpenAI: "OPENAI_API_KEY",
  Google: "GEMINI_API_KEY",
  OpenRouter: "OPENROUTER_API_KEY",
};

export class Keys {
  constructor(private readonly secrets: vscode.SecretStorage) {}

  /** The stored keys, by variable. */
  async all(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const variable of Object.values(PROVIDERS)) {
      const key = await this.secrets.get(variable);
      if (key !== undefined) found[variable] = key;
    }
    return found;
  }

  async forget(variable: string): Promise<void> {
    await this.secrets.delete(variable);
  }

  async store(variable: string, key: string): Promise<void> {
    await this.secrets.store(variable, key);
  }
}
