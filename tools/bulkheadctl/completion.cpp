// SPDX-License-Identifier: Apache-2.0
#include "bulkheadctl/completion.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <functional>
#include <vector>

namespace bulkhead::ctl {

namespace {

struct Flag {
    std::vector<std::string> names; // "-n", "--namespace"
    std::string help;
    std::vector<std::string> choices;
    bool takes_value = false;
    bool takes_file = false;
};

struct Command {
    std::string name; // empty = the program itself
    std::string help;
    std::vector<Flag> flags;
    std::vector<std::string> words; // what may stand without a flag
    bool takes_file = false;
};

std::string join(const std::vector<std::string>& parts, const std::string& between) {
    return CLI::detail::join(parts, between);
}

/// "TEXT:{a,b}" -> a, b
std::vector<std::string> choices_in(const std::string& type) {
    const auto open = type.find('{');
    const auto close = type.rfind('}');
    if (open == std::string::npos || close == std::string::npos) return {};
    return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

bool is_of_files(const std::string& text) {
    return text.find("FILE") != std::string::npos || text.find("DIR") != std::string::npos;
}

Flag flag_of(const CLI::Option& option) {
    Flag flag{.names = {},
              .help = option.get_description(),
              .choices = choices_in(option.get_type_name()),
              .takes_value = option.get_items_expected_max() > 0,
              .takes_file = is_of_files(option.get_option_text())};
    for (const auto& name : option.get_snames())
        flag.names.push_back("-" + name);
    for (const auto& name : option.get_lnames())
        flag.names.push_back("--" + name);
    return flag;
}

Command command_of(const CLI::App& app, const std::string& name) {
    Command command{.name = name, .help = app.get_description(), .flags = {}, .words = {}, .takes_file = false};
    for (const auto* option : app.get_options()) {
        if (!option->get_positional()) {
            command.flags.push_back(flag_of(*option));
            continue;
        }
        command.words = choices_in(option->get_type_name());
        command.takes_file = command.takes_file || is_of_files(option->get_name(true));
    }
    return command;
}

/// The program's own command first; its flags may stand after the others' too.
std::vector<Command> commands_of(const CLI::App& app) {
    std::vector<Command> commands{command_of(app, "")};
    for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
        commands.push_back(command_of(*sub, sub->get_name()));
        commands.front().words.push_back(sub->get_name());
    }
    for (size_t i = 1; i < commands.size(); ++i)
        for (const auto& flag : commands.front().flags)
            if (flag.takes_value) commands[i].flags.push_back(flag);
    return commands;
}

/// For single quotes in bash and zsh.
std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text)
        out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

std::vector<std::string> names_of(const Command& command) {
    std::vector<std::string> names;
    for (const auto& flag : command.flags)
        names.insert(names.end(), flag.names.begin(), flag.names.end());
    return names;
}

/// `case` branches on "COMMAND FLAG", for each flag that takes a value.
std::string value_branches(const std::vector<Command>& commands, const std::string& words, const std::string& files) {
    std::string text;
    for (const auto& command : commands) {
        for (const auto& flag : command.flags) {
            if (!flag.takes_value) continue;
            std::vector<std::string> patterns;
            for (const auto& name : flag.names)
                patterns.push_back(quoted(command.name + " " + name));
            text += "    " + join(patterns, "|") + ") ";
            if (flag.takes_file) text += files;
            if (!flag.choices.empty()) text += words + quoted(join(flag.choices, " ")) + "; ";
            text += "return ;;\n";
        }
    }
    return text;
}

std::string bash_script(const std::vector<Command>& commands) {
    const auto names = join(commands.front().words, "|");
    std::string text =
        "# bash completion of bulkheadctl: source <(bulkheadctl completion bash)\n"
        "_bulkheadctl_words() { COMPREPLY=($(compgen -W \"$1\" -- \"$word\")); }\n"
        "_bulkheadctl_files() { compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$word\")); }\n"
        "_bulkheadctl() {\n"
        "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= i\n"
        "    COMPREPLY=()\n"
        "    # --flag=value is three words to readline\n"
        "    [[ $word == = ]] && word=\n"
        "    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD-2]}\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case ${COMP_WORDS[i]} in " +
        names +
        ") command=${COMP_WORDS[i]}; break ;; esac\n"
        "    done\n"
        "    case \"$command $before\" in\n";
    text +=
        value_branches(commands, "_bulkheadctl_words ", "_bulkheadctl_files; ") + "    esac\n    case $command in\n";
    for (const auto& command : commands) {
        text += "    " + quoted(command.name) + ")\n";
        text += "        if [[ $word == -* ]]; then _bulkheadctl_words " + quoted(join(names_of(command), " ")) + "\n";
        if (command.takes_file)
            text += "        else _bulkheadctl_files\n";
        else if (!command.words.empty())
            text += "        else _bulkheadctl_words " + quoted(join(command.words, " ")) + "\n";
        text += "        fi ;;\n";
    }
    return text + "    esac\n}\ncomplete -F _bulkheadctl bulkheadctl\n";
}

/// "--flag:help" as _describe takes it.
std::string described(const std::string& name, const std::string& help) {
    std::string escaped;
    for (const char c : help)
        escaped += c == ':' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return quoted(name + ":" + escaped);
}

std::string zsh_script(const std::vector<Command>& commands) {
    const auto names = join(commands.front().words, "|");
    std::string text = "#compdef bulkheadctl\n"
                       "# zsh completion of bulkheadctl: source <(bulkheadctl completion zsh)\n"
                       "_bulkheadctl_words() { compadd -- ${=1}; }\n"
                       "_bulkheadctl() {\n"
                       "    local command= before=${words[CURRENT-1]} i\n"
                       "    local -a flags rest\n"
                       "    for ((i = 2; i < CURRENT; i++)); do\n"
                       "        case ${words[i]} in (" +
                       names +
                       ") command=${words[i]}; break ;; esac\n"
                       "    done\n"
                       "    if compset -P '*='; then before=${words[CURRENT]%%=*}; fi\n"
                       "    case \"$command $before\" in\n";
    text += value_branches(commands, "_bulkheadctl_words ", "_files; ");
    text += "    esac\n    case $command in\n";
    for (const auto& command : commands) {
        text += "    (" + quoted(command.name) + ")\n        flags=(\n";
        for (const auto& flag : command.flags)
            for (const auto& name : flag.names)
                text += "            " + described(name, flag.help) + "\n";
        text += "        )\n";
        if (!command.words.empty()) text += "        rest=(" + join(command.words, " ") + ")\n";
        if (command.takes_file) text += "        [[ $PREFIX != -* ]] && _files\n";
        text += "        ;;\n";
    }
    return text + "    esac\n"
                  "    if [[ $PREFIX == -* ]]; then _describe -o flag flags; else compadd -- $rest; fi\n"
                  "}\n"
                  "compdef _bulkheadctl bulkheadctl\n";
}

/// For single quotes in fish, where a backslash counts.
std::string fish_quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text)
        out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return out + "'";
}

std::string fish_flag(const std::string& condition, const Flag& flag) {
    std::string text = "complete -c bulkheadctl -n " + fish_quoted(condition);
    for (const auto& name : flag.names)
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    if (flag.takes_value && flag.takes_file) text += " -r -F";
    if (flag.takes_value && !flag.takes_file) text += " -x";
    if (!flag.choices.empty()) text += " -a " + fish_quoted(join(flag.choices, " "));
    return text + " -d " + fish_quoted(flag.help) + "\n";
}

std::string fish_script(const std::vector<Command>& commands) {
    std::string text = "# fish completion of bulkheadctl: bulkheadctl completion fish | source\n"
                       "complete -c bulkheadctl -f\n";
    for (const auto& command : commands) {
        const bool is_program = command.name.empty();
        const auto condition = is_program ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + command.name;
        for (const auto& flag : command.flags)
            text += fish_flag(condition, flag);
        if (command.takes_file) text += "complete -c bulkheadctl -n " + fish_quoted(condition) + " -F\n";
        if (!is_program)
            text += "complete -c bulkheadctl -n __fish_use_subcommand -a " + command.name + " -d " +
                    fish_quoted(command.help) + "\n";
        if (!is_program && !command.words.empty())
            text += "complete -c bulkheadctl -n " + fish_quoted(condition) + " -a " +
                    fish_quoted(join(command.words, " ")) + "\n";
    }
    return text;
}

/// What may stand at a place in a command line.
struct Offer {
    std::vector<std::string> words;
    bool files = false;
};

/// The command that is named in `words`, or the program itself.
const Command& command_in(const std::vector<Command>& commands, const std::vector<std::string>& words) {
    for (const auto& word : words)
        for (size_t i = 1; i < commands.size(); ++i)
            if (commands[i].name == word) return commands[i];
    return commands.front();
}

/// After `before`, which may be a flag that takes a value.
Offer offer_of(const Command& command, const std::string& before, bool is_flag) {
    for (const auto& flag : command.flags)
        if (flag.takes_value && std::ranges::find(flag.names, before) != flag.names.end())
            return {.words = flag.choices, .files = flag.takes_file};
    if (is_flag) return {.words = names_of(command), .files = false};
    return {.words = command.words, .files = command.takes_file};
}

} // namespace

std::string completions(const CLI::App& app, const std::vector<std::string>& words) {
    const auto commands = commands_of(app);
    std::vector<std::string> before(words.begin(), words.empty() ? words.end() : words.end() - 1);
    std::string begun = words.empty() ? "" : words.back(), kept;
    if (const auto equals = begun.find('='); begun.starts_with("--") && equals != std::string::npos) {
        kept = begun.substr(0, equals + 1); // --flag=value is one word to kubectl
        before.push_back(begun.substr(0, equals));
        begun.erase(0, equals + 1);
    }
    const auto offer =
        offer_of(command_in(commands, before), before.empty() ? "" : before.back(), begun.starts_with('-'));
    std::string text;
    for (const auto& word : offer.words)
        if (word.starts_with(begun)) text.append(kept).append(word).append("\n");
    return text + (offer.files ? ":0\n" : ":4\n");
}

std::string completion_script(const CLI::App& app, Shell shell) {
    const auto commands = commands_of(app);
    switch (shell) {
    case Shell::kBash:
        return bash_script(commands);
    case Shell::kZsh:
        return zsh_script(commands);
    default:
        return fish_script(commands);
    }
}

} // namespace bulkhead::ctl
