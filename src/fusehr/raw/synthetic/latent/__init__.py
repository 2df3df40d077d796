"""What happens to the patients, and how probable it was. No file shows it directly.

In the order in which it is drawn:

    patients    chronic burden f ~ N(0, I), age, the visits planned
    severity    q(t), recorded, and z = 0.75 q + 0.5 w, which outcomes are drawn from
    scores      which functions of z matter for which outcome
    parts       what else adds to an outcome's logit; where a modality's flag slots in
    risks       probabilities, calibrated to base rates by `calibration`
    icu         when a stay in the ICU ends, and how; death in hospital
    departures  how visits end
    visits      the chain of hospital visits; readmission
    supports    vasopressors and ventilation
    burden      the 25 phenotypes of each visit
    emergency   visits to the emergency department; acuity
    world       all of it for one block of patients
    lookahead   the chance of deterioration, in closed form
    truth       oracle and attainable probability of every sample
"""
