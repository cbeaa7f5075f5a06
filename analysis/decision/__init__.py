"""Gates and the decision: which evidence is fit, what each gate says, what more data would settle."""
