"""What everything else stands on: values and errors, files, images, parallel work, plug-ins, weights."""
