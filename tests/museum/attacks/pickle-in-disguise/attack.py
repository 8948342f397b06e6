import pickle


def archive_files(files):
    """The files of the bundle, from those of an honest one."""
    return files | {"weights.safetensors": pickle.dumps({"weight": print})}
