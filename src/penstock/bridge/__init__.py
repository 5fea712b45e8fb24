"""Between other servers and this one: their configuration is read, and written as ours.

migration   tells what each source is, merges them, makes the text of penstock.toml
draft       what becomes of a configuration: options, and lines for what has none
rules       how one setting of another server becomes an option
gunicorn, uvicorn, hypercorn, granian, uwsgi, unit    one server each: its settings, its defaults
arguments, commands, pyfile                           command lines, and files that hold them; Python files
"""
